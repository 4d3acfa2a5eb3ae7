// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import java.util.List;

/** A server that runs the shop and is observed by Sonde; stopped by its close. */
public interface ShopServer extends AutoCloseable {
  /** Worker threads where the server has a pool of them. */
  int THREADS = 64;

  /** Name and version for people. */
  String name();

  /** Port that it listens on. */
  int port();

  /** What Sonde cannot see of this server, in words for people; empty if it sees everything. */
  default List<String> unseen() {
    return List.of();
  }

  /** Stops it, and returns when it has stopped. */
  @Override
  void close();
}
