// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import java.util.concurrent.atomic.AtomicLong;

/** Numbers for requests, from 1: unique within this process, and increasing on a connection. */
public final class RequestIds {
  /** Numbers that a connection takes at a time, so that it seldom meets the others here. */
  static final int BLOCK = 32;

  private static final AtomicLong NEXT = new AtomicLong(1);

  private RequestIds() {}

  /** A number; may be called from any thread. */
  public static long next() {
    return NEXT.getAndIncrement();
  }

  /** The first of {@link #BLOCK} numbers. */
  static long nextBlock() {
    return NEXT.getAndAdd(BLOCK);
  }
}
