// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import java.util.concurrent.atomic.AtomicLong;

/** Numbers for requests: unique and increasing within this process, from 1. */
public final class RequestIds {
  private static final AtomicLong LAST = new AtomicLong();

  private RequestIds() {}

  /** The next number; may be called from any thread. */
  public static long next() {
    return LAST.incrementAndGet();
  }
}
