// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/** A step in the life of one connection of an HTTP server. */
public sealed interface LifecycleEvent extends Event
    permits ConnectionOpened,
        RequestStarted,
        ResponseCompleted,
        ClientDisconnected,
        ConnectionClosed {
  /** Number of the connection, unique and increasing within this process. */
  long connectionId();

  /** Index of the event loop or worker thread that saw it, or -1 if unknown. */
  int workerId();

  @Override
  default String type() {
    return getClass().getSimpleName();
  }
}
