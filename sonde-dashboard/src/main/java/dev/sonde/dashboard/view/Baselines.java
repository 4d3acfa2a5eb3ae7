// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * The 95th percentiles that each route had a minute ago, over the four minutes before that.
 *
 * <p>Percentiles of overlapping windows cannot be subtracted, so those of the earlier time are
 * noted while it is the present: one snapshot every ten seconds, of which the last minute's stay.
 */
final class Baselines {
  /** What a snapshot to be noted covers. */
  static final Duration COVERED = Duration.ofMinutes(4);

  private static final long STEP_NANOS = Duration.ofSeconds(10).toNanos();
  private static final long AGE_NANOS = Duration.ofMinutes(1).toNanos();

  private final Deque<Noted> noted = new ArrayDeque<>();

  /** The percentiles by route at one moment. */
  private record Noted(long takenNanos, Map<String, Long> p95Nanos) {}

  /** Whether it is time for the next one. */
  synchronized boolean isDue(long nowNanos) {
    Noted last = noted.peekLast();
    return last == null || nowNanos - last.takenNanos() >= STEP_NANOS;
  }

  synchronized void add(long nowNanos, StatsSnapshot fourMinutes) {
    Map<String, Long> p95 = new HashMap<>();
    for (GroupSnapshot route : fourMinutes.routes()) {
      GroupSnapshot.Latency latency = route.latency();
      if (latency != null && route.count() >= Changes.MIN_COUNT) {
        p95.put(StatsJson.keyOf(route), latency.p95Nanos());
      }
    }
    noted.addLast(new Noted(nowNanos, p95));
    dropOlder(nowNanos);
  }

  /** The latest that are a minute old; empty if there are none yet. */
  synchronized Map<String, Long> p95NanosBefore(long nowNanos) {
    dropOlder(nowNanos);
    Noted first = noted.peekFirst();
    boolean isOldEnough = first != null && nowNanos - first.takenNanos() >= AGE_NANOS;
    return isOldEnough ? first.p95Nanos() : Map.of();
  }

  /** Leaves one that is a minute old, and the newer ones. */
  private void dropOlder(long nowNanos) {
    Noted first = noted.pollFirst();
    Noted second = noted.peekFirst();
    while (second != null && nowNanos - second.takenNanos() >= AGE_NANOS) {
      first = noted.pollFirst();
      second = noted.peekFirst();
    }
    if (first != null) {
      noted.addFirst(first);
    }
  }
}
