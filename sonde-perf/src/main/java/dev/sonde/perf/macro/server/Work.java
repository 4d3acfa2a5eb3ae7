// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

/**
 * A fixed amount of computation.
 *
 * <p>It is not a wait for the clock: that would go on while another thread has the processor, and
 * so hide what the other thread takes.
 */
public final class Work {
  private static final long SEED = 0x9E3779B97F4A7C15L;
  private static final long CALIBRATION = 1_000_000;
  private static final int ROUNDS = 60;

  private Work() {}

  /** Computes for so many iterations; the result is never zero. */
  public static long of(long iterations) {
    long x = SEED;
    for (long i = 0; i < iterations; i++) {
      // Every step needs the one before it: nothing to reorder, nothing to do in parallel.
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
    }
    return x;
  }

  /** Iterations that take this long on this machine when nothing else runs. */
  public static long iterationsFor(long nanos) {
    if (nanos == 0) {
      return 0;
    }
    long fastest = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long begin = System.nanoTime();
      if (of(CALIBRATION) == 0) {
        throw new IllegalStateException("work never comes to zero");
      }
      fastest = Math.min(fastest, System.nanoTime() - begin);
    }
    return nanos * CALIBRATION / fastest;
  }
}
