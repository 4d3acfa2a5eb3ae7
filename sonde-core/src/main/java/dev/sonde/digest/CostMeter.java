// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import com.sun.management.ThreadMXBean;
import dev.sonde.time.MonotonicClock;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/** Measures what one record costs the thread that makes it, on one record in 1,024. */
final class CostMeter {
  /*
   * Three clock readings of 30 ns and two readings of the thread's allocation, on every 1,024th
   * record, come to a fraction of 1 ns a record; CostMeterBenchmark measures it. The median of the last times is told,
   * not their mean: a sample during which the thread was preempted would outweigh all others. Of
   * the bytes the mean is told: most records allocate none, and some a segment of the queue.
   */
  private static final int MASK = 1_023;

  private static final int SAMPLES = 64;
  private static final int UNKNOWN = -1;

  private final MonotonicClock clock;
  private final AtomicLongArray samples = new AtomicLongArray(SAMPLES);
  private final AtomicLongArray bytes = new AtomicLongArray(SAMPLES);
  private final @Nullable ThreadMXBean allocation =
      ThreadMeter.allocationOf(ManagementFactory.getThreadMXBean());
  private final AtomicInteger taken = new AtomicInteger();

  CostMeter(MonotonicClock clock) {
    this.clock = clock;
  }

  /** Whether the record with this number is measured. */
  static boolean measures(long number) {
    return (number & MASK) == 0;
  }

  /**
   * Bytes that the running thread has allocated so far, or -1 where the JVM does not tell, as of a
   * virtual thread.
   */
  long allocatedBytes() {
    return allocation == null ? UNKNOWN : allocation.getCurrentThreadAllocatedBytes();
  }

  /**
   * Notes a record whose start was read for this alone: that reading is taken off.
   *
   * @param bytesBefore {@link #allocatedBytes()} before the start
   */
  void addMeasured(long startNanos, long bytesBefore) {
    long end = clock.nanoTime();
    long reading = clock.nanoTime() - end;
    add(end - startNanos - reading, bytesBefore);
  }

  /**
   * Notes a record whose start was read for its own sake: one reading is a part of its cost.
   *
   * @param bytesBefore {@link #allocatedBytes()} before the start
   */
  void addStamped(long startNanos, long bytesBefore) {
    add(clock.nanoTime() - startNanos, bytesBefore);
  }

  private void add(long costNanos, long bytesBefore) {
    long bytesAfter = allocatedBytes();
    int index = taken.getAndIncrement() & (SAMPLES - 1);
    bytes.set(index, bytesBefore < 0 || bytesAfter < 0 ? UNKNOWN : bytesAfter - bytesBefore);
    samples.set(index, Math.max(costNanos, 1));
  }

  /** Mean of the bytes that the last samples allocated, as far as known; -1 if of none. */
  double meanBytes() {
    long sum = 0;
    int count = 0;
    for (int i = 0; i < SAMPLES; i++) {
      long sample = bytes.get(i);
      if (samples.get(i) > 0 && sample >= 0) {
        sum += sample;
        count++;
      }
    }
    return count == 0 ? UNKNOWN : (double) sum / count;
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
