// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.time.MonotonicClock;
import java.util.concurrent.TimeUnit;

/** Counts wrong tokens and says when there were too many in the running second. */
final class FailureBucket {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
  private static final System.Logger LOGGER = System.getLogger("dev.sonde.dashboard");

  /*
   * One bucket for all readers: per-address buckets would be an unbounded or evictable table, and
   * behind a proxy all readers have one address. A right token is looked at first and never passes
   * through here, so a flood of wrong ones cannot lock its owner out.
   */
  private final MonotonicClock clock;
  private final int limit;
  private long windowStart;
  private int inWindow;
  private long total;
  private long limited;
  private long lastLogged;

  FailureBucket(MonotonicClock clock, int limit) {
    this.clock = clock;
    this.limit = limit;
    windowStart = clock.nanoTime();
    lastLogged = windowStart - MINUTE;
  }

  /** Counts one wrong token; true if the running second has had more than its share. */
  boolean isOverflowing() {
    boolean isOver;
    long count;
    synchronized (this) {
      long now = clock.nanoTime();
      if (now - windowStart >= SECOND) {
        windowStart = now;
        inWindow = 0;
      }
      total++;
      inWindow = Math.min(inWindow + 1, limit + 1);
      isOver = inWindow > limit;
      limited += isOver ? 1 : 0;
      if (now - lastLogged < MINUTE) {
        return isOver;
      }
      lastLogged = now;
      count = total;
    }
    LOGGER.log(
        System.Logger.Level.WARNING,
        "The dashboard refused a reader without the right token ({0} times since start)",
        count);
    return isOver;
  }

  /** Wrong or missing tokens since start. */
  synchronized long total() {
    return total;
  }

  /** Those of them that were answered with 429. */
  synchronized long limited() {
    return limited;
  }
}
