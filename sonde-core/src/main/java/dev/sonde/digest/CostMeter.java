// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.time.MonotonicClock;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/** Measures what one record costs the thread that makes it, on one record in 1,024. */
final class CostMeter {
  /*
   * Two clock readings of 30 ns on every 1,024th record are 0.06 ns a record. The median of the
   * last samples is told, not their mean: a sample during which the thread was preempted would
   * outweigh all others.
   */
  private static final int MASK = 1_023;

  private static final int SAMPLES = 64;

  private final MonotonicClock clock;
  private final AtomicLongArray samples = new AtomicLongArray(SAMPLES);
  private final AtomicInteger taken = new AtomicInteger();

  CostMeter(MonotonicClock clock) {
    this.clock = clock;
  }

  /** Whether the record with this number is measured. */
  static boolean measures(long number) {
    return (number & MASK) == 0;
  }

  /** Notes a record whose start was read for this alone: that reading is taken off. */
  void addMeasured(long startNanos) {
    long end = clock.nanoTime();
    long reading = clock.nanoTime() - end;
    add(end - startNanos - reading);
  }

  /** Notes a record whose start was read for its own sake: one reading is a part of its cost. */
  void addStamped(long startNanos) {
    add(clock.nanoTime() - startNanos);
  }

  private void add(long costNanos) {
    int index = taken.getAndIncrement() & (SAMPLES - 1);
    samples.set(index, Math.max(costNanos, 1));
  }

  /** Median nanoseconds of the last samples, 0 before the first. */
  long medianNanos() {
    long[] sorted = new long[SAMPLES];
    int count = 0;
    for (int i = 0; i < SAMPLES; i++) {
      long sample = samples.get(i);
      if (sample > 0) {
        sorted[count++] = sample;
      }
    }
    Arrays.sort(sorted, 0, count);
    return count == 0 ? 0 : sorted[count / 2];
  }
}
