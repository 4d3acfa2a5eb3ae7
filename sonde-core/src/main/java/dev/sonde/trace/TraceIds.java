// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import java.security.SecureRandom;
import java.util.concurrent.ThreadLocalRandom;

/** Random numbers for traces and spans; never 0, from any thread, without allocation. */
public final class TraceIds {
  /*
   * ThreadLocalRandom costs two nanoseconds and has 64 bits of state, so that the 128-bit ids of a
   * fleet would meet like 64-bit ones. Keys from SecureRandom, drawn once per process, set the
   * processes apart. Ids are not secrets: an observer of many can predict the next.
   */
  private static final long TRACE_HIGH_KEY;
  private static final long TRACE_LOW_KEY;
  private static final long SPAN_KEY;

  static {
    SecureRandom random = new SecureRandom();
    TRACE_HIGH_KEY = random.nextLong();
    TRACE_LOW_KEY = random.nextLong();
    SPAN_KEY = random.nextLong();
  }

  private TraceIds() {}

  /** Upper half of a new trace id. */
  public static long nextTraceIdHigh() {
    return next(TRACE_HIGH_KEY);
  }

  /** Lower half of a new trace id. */
  public static long nextTraceIdLow() {
    return next(TRACE_LOW_KEY);
  }

  /** A new span id. */
  public static long nextSpanId() {
    return next(SPAN_KEY);
  }

  private static long next(long key) {
    while (true) {
      long id = ThreadLocalRandom.current().nextLong() ^ key;
      if (id != 0) {
        return id;
      }
    }
  }
}
