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

  /** Upper half of the id of the trace that a request of this number begins. */
  public static long traceIdHighOf(long requestNumber) {
    return mix(requestNumber + TRACE_HIGH_KEY);
  }

  /** Lower half of the id of the trace that a request of this number begins. */
  public static long traceIdLowOf(long requestNumber) {
    return mix(requestNumber + TRACE_LOW_KEY);
  }

  /** Id of the first span of a request of this number. */
  public static long spanIdOf(long requestNumber) {
    return mix(requestNumber + SPAN_KEY);
  }

  /** The finaliser of SplitMix64 (Steele, Lea, Flood, 2014): a bijection that scatters all bits. */
  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    z ^= z >>> 31;
    return z == 0 ? 1 : z;
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
