// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import java.util.concurrent.atomic.AtomicLong;

/** Numbers for connections: unique and increasing within this process, from 1. */
public final class ConnectionIds {
  private static final AtomicLong LAST = new AtomicLong();

  private ConnectionIds() {}

  /** The next number; may be called from any thread. */
  public static long next() {
    return LAST.incrementAndGet();
  }
}
