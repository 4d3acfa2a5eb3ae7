// SPDX-License-Identifier: Apache-2.0
package dev.sonde.time;

import java.time.Instant;

/**
 * One moment read on both clocks, which turns monotonic readings into dates.
 *
 * @param epochNanos wall-clock nanoseconds since 1970-01-01T00:00:00Z
 * @param monotonicNanos reading of the {@link MonotonicClock} at that moment
 */
public record ClockAnchor(long epochNanos, long monotonicNanos) {
  /**
   * Reads both clocks now, the wall clock between two readings of the monotonic one.
   *
   * <p>The best of three brackets is taken, so a thread that was preempted between the readings
   * does not shift every date.
   */
  public static ClockAnchor take(MonotonicClock clock) {
    ClockAnchor best = new ClockAnchor(0, 0);
    long narrowest = Long.MAX_VALUE;
    for (int attempt = 0; attempt < 3; attempt++) {
      long before = clock.nanoTime();
      Instant now = Instant.now();
      long width = clock.nanoTime() - before;
      if (width < narrowest) {
        narrowest = width;
        long epochNanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
        best = new ClockAnchor(epochNanos, before + width / 2);
      }
    }
    return best;
  }

  /** Wall-clock nanoseconds since the epoch of a monotonic reading. */
  public long toEpochNanos(long timestampNanos) {
    return epochNanos + (timestampNanos - monotonicNanos);
  }
}
