// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

/** A started hello-world. */
public interface HelloServer extends AutoCloseable {
  /** Address that all of them listen on. */
  String ADDRESS = "127.0.0.1";

  /** Returns the port that it listens on. */
  int port();
}
