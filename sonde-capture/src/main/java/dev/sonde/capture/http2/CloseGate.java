// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.http2;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Holds back the close of an HTTP/2 connection until the frames of a write have been looked at.
 *
 * <p>A client may have its answer and be gone before the writing thread has seen which frames it
 * wrote; told at once, the close would cut a response that is whole.
 */
public final class CloseGate {
  /*
   * The writer goes IDLE to WRITING and back by compare-and-set, and the close sets CLOSED, once and
   * for all. So one of them sees the other: a close that finds WRITING leaves the telling to the
   * writer, whose way back then fails. A second close finds CLOSED and tells nothing. A write never
   * waits, so neither does the close.
   */
  private static final int IDLE = 0;
  private static final int WRITING = 1;
  private static final int CLOSED = 2;

  private final AtomicInteger state = new AtomicInteger(IDLE);

  /** Made with each connection. */
  public CloseGate() {}

  /** A write begins; returns whether {@link #wrote()} has to follow. */
  public boolean writes() {
    return state.compareAndSet(IDLE, WRITING);
  }

  /** The write has returned and its frames are known; returns whether to tell the close now. */
  public boolean wrote() {
    return !state.compareAndSet(WRITING, IDLE);
  }

  /** The connection was closed; returns whether to tell it now. */
  public boolean closed() {
    return state.getAndSet(CLOSED) == IDLE;
  }
}
