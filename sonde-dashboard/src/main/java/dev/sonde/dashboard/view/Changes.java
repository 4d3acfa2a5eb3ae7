// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What is different in the last minute from the four minutes before it. */
final class Changes {
  private static final int MAX_CHANGES = 10;

  /** Below this many requests in either part, a difference is chance. */
  static final long MIN_COUNT = 20;

  private static final double MIN_LATENCY_FACTOR = 1.5;
  private static final double MIN_TRAFFIC_FACTOR = 2;
  private static final double MIN_ERROR_STEP = 0.01;
  private static final long MIN_LATENCY_NANOS = Duration.ofMillis(5).toNanos();
  private static final long NEW_ERROR_NANOS = Duration.ofMinutes(5).toNanos();

  private Changes() {}

  /**
   * One difference.
   *
   * @param weight how much it matters, for the order
   */
  record Change(
      String kind,
      String method,
      String route,
      double before,
      double now,
      boolean isTime,
      double weight) {
    void write(Json json) throws IOException {
      json.text("kind", kind);
      json.text("method", method);
      json.text("route", route);
      json.field("before", isTime ? before / 1e3 : before);
      json.field("now", isTime ? now / 1e3 : now);
    }
  }

  /**
   * Compares the snapshot of the last minute with that of the last five.
   *
   * @param p95Before 95th percentiles by route of the time before the last minute, in nanoseconds
   */
  static List<Change> between(
      StatsSnapshot minute, StatsSnapshot five, Map<String, Long> p95Before, ErrorSnapshot errors) {
    List<Change> changes = new ArrayList<>();
    Map<String, GroupSnapshot> recent = new HashMap<>();
    minute.routes().forEach(route -> recent.put(StatsJson.keyOf(route), route));
    double minuteSeconds = Math.max(1, minute.coveredNanos() / 1e9);
    double beforeSeconds = five.coveredNanos() / 1e9 - minuteSeconds;
    if (beforeSeconds >= 30) {
      for (GroupSnapshot whole : five.routes()) {
        GroupSnapshot now = recent.get(StatsJson.keyOf(whole));
        compare(changes, whole, now, minuteSeconds, beforeSeconds);
        Long was = p95Before.get(StatsJson.keyOf(whole));
        if (was != null && now != null && now.count() >= MIN_COUNT) {
          compareLatency(changes, was, now);
        }
      }
    }
    for (ErrorSnapshot.Kind kind : errors.kinds()) {
      boolean isNew = errors.takenNanos() - kind.firstNanos() <= NEW_ERROR_NANOS;
      if (isNew && kind.source() != ErrorSnapshot.Source.CLIENT_ABORT) {
        String name = kind.type() + " in " + kind.where();
        changes.add(new Change("new_error", "", name, 0, kind.count(), false, kind.count()));
      }
    }
    changes.sort(Comparator.comparingDouble(change -> -change.weight()));
    return changes.subList(0, Math.min(changes.size(), MAX_CHANGES));
  }

  private static void compare(
      List<Change> changes,
      GroupSnapshot whole,
      @Nullable GroupSnapshot now,
      double nowSeconds,
      double beforeSeconds) {
    long nowCount = now == null ? 0 : now.count();
    long beforeCount = Math.max(0, whole.count() - nowCount);
    double nowRate = nowCount / nowSeconds;
    double beforeRate = beforeCount / beforeSeconds;
    if (beforeCount == 0 && nowCount >= MIN_COUNT) {
      changes.add(change("new_route", whole, 0, nowRate, false, nowRate));
      return;
    }
    if (beforeCount < MIN_COUNT) {
      return;
    }
    if (nowRate * MIN_TRAFFIC_FACTOR < beforeRate) {
      changes.add(change("traffic_down", whole, beforeRate, nowRate, false, beforeRate - nowRate));
    } else if (nowCount >= MIN_COUNT && nowRate > beforeRate * MIN_TRAFFIC_FACTOR) {
      changes.add(change("traffic_up", whole, beforeRate, nowRate, false, nowRate - beforeRate));
    }
    if (now == null || nowCount < MIN_COUNT) {
      return;
    }
    compareErrors(changes, whole, now, beforeCount);
  }

  private static void compareErrors(
      List<Change> changes, GroupSnapshot whole, GroupSnapshot now, long beforeCount) {
    double before = (double) Math.max(0, whole.errors() - now.errors()) / beforeCount;
    double after = now.errorRatio();
    if (Math.abs(after - before) >= MIN_ERROR_STEP) {
      String kind = after > before ? "errors_up" : "errors_down";
      double weight = Math.abs(after - before) * now.count() * 10;
      changes.add(change(kind, whole, before, after, false, weight));
    }
  }

  private static void compareLatency(List<Change> changes, double was, GroupSnapshot now) {
    GroupSnapshot.Latency after = now.latency();
    if (after == null) {
      return;
    }
    double is = after.p95Nanos();
    boolean isFar =
        Math.max(was, is) >= MIN_LATENCY_FACTOR * Math.min(was, is)
            && Math.abs(is - was) >= MIN_LATENCY_NANOS;
    if (isFar) {
      String kind = is > was ? "latency_up" : "latency_down";
      double weight = Math.abs(is - was) / 1e9 * now.count();
      changes.add(change(kind, now, was, is, true, weight));
    }
  }

  private static Change change(
      String kind, GroupSnapshot route, double before, double now, boolean isTime, double weight) {
    return new Change(kind, route.kind(), route.name(), before, now, isTime, weight);
  }
}
