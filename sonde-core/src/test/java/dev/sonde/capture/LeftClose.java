// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** Leaves a close over as the race does that {@link ListenerScope#sweep()} is there for. */
public final class LeftClose {
  private LeftClose() {}

  /**
   * Brings a connection without open requests to where its close was left to the end of the last
   * one, and that end has looked for it too early.
   */
  public static void leave(ConnectionState connection) {
    connection.leaveToEnd();
    connection.release();
  }
}
