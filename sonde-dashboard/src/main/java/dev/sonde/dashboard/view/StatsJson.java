// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.stats.ConnectionsSnapshot;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.GroupSnapshot.Latency;
import dev.sonde.stats.HeatMap;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.stats.StatsSnapshot.Ended;
import dev.sonde.stats.StatsSnapshot.Streams;
import dev.sonde.time.ClockAnchor;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Statistics as JSON. */
final class StatsJson {
  private StatsJson() {}

  static void head(Json json, StatsSnapshot stats, ClockAnchor anchor, int windowSeconds)
      throws IOException {
    json.field("v", 1);
    json.micros("now_us", wholeMicros(anchor.toEpochNanos(stats.takenNanos())));
    json.field("window_s", windowSeconds);
    json.field("covered_s", stats.coveredNanos() / 1e9);
    json.field("uptime_s", stats.uptimeNanos() / 1e9);
  }

  static void metrics(Json json, StatsSnapshot stats, ClockAnchor anchor) throws IOException {
    json.object("total", () -> group(json, stats.total()));
    json.field("in_flight", stats.requestsInFlight());
    openStreams(json, stats.streams());
    json.field("excluded", stats.excludedCount());
    json.field("overflow", stats.overflowCount());
    json.object("connections", () -> connections(json, stats.connections()));
    json.object("heat", () -> heat(json, stats.heatMap(), anchor));
    json.object("memory", () -> memory(json, stats));
  }

  static void memory(Json json, StatsSnapshot stats) throws IOException {
    json.field("held_bytes", stats.memoryBytes());
    json.field("bound_bytes", stats.memoryBoundBytes());
  }

  static void routes(Json json, StatsSnapshot stats, Map<String, Inside> insides)
      throws IOException {
    long allNanos = Math.max(1, stats.total().totalNanos());
    json.field("overflow", stats.overflowCount());
    json.array(
        "routes",
        () -> {
          for (GroupSnapshot route : stats.routes()) {
            json.element(() -> route(json, route, allNanos, insides.get(keyOf(route))));
          }
        });
    groups(json, "functions", stats.functions());
    groups(json, "statements", stats.statements());
    openStreams(json, stats.streams());
    json.array(
        "streams",
        () -> {
          for (Ended stream : stats.streams().ended()) {
            json.element(() -> stream(json, stream));
          }
        });
  }

  static void openStreams(Json json, Streams streams) throws IOException {
    json.object(
        "open_streams",
        () -> {
          for (Map.Entry<StreamKind, Long> kind : streams.open().entrySet()) {
            json.field(kind.getKey().jsonName(), kind.getValue());
          }
        });
  }

  private static void stream(Json json, Ended stream) throws IOException {
    StreamKind kind = stream.kind();
    json.text("kind", kind == null ? null : kind.jsonName());
    json.text("route", stream.route());
    json.field("count", stream.lifetime().count());
    json.field("completed", stream.completed());
    json.field("disconnected", stream.disconnected());
    json.field("failed", stream.failed());
    json.field("bytes_out", stream.lifetime().bytesOut());
    json.object("lifetime", () -> latency(json, stream.lifetime().latency()));
    json.object("ttfb", () -> latency(json, stream.firstByte()));
  }

  private static void route(Json json, GroupSnapshot route, long allNanos, @Nullable Inside inside)
      throws IOException {
    json.text("method", route.kind());
    json.text("route", route.name());
    group(json, route);
    json.field("share", (double) route.totalNanos() / allNanos);
    json.field("aborts", aborts(route));
    if (inside == null) {
      json.nothing("split");
    } else {
      inside.write(json);
    }
  }

  private static void groups(Json json, String name, List<GroupSnapshot> groups)
      throws IOException {
    json.array(
        name,
        () -> {
          for (GroupSnapshot group : groups) {
            json.element(
                () -> {
                  json.text("kind", group.kind());
                  json.text("name", group.name(), Json.MAX_TEXT);
                  json.field("count", group.count());
                  json.field("rps", group.requestsPerSecond());
                  json.field("window_rps", group.windowRequestsPerSecond());
                  json.field("errors", group.errors());
                  latency(json, group);
                  json.field("rows", group.rows());
                });
          }
        });
  }

  /** The fields that every group of requests has. */
  static void group(Json json, GroupSnapshot group) throws IOException {
    json.field("count", group.count());
    json.field("rps", group.requestsPerSecond());
    json.field("window_rps", group.windowRequestsPerSecond());
    json.field("errors", group.errors());
    json.field("error_ratio", group.errorRatio());
    latency(json, group);
    Latency application = group.application();
    if (application == null) {
      json.nothing("app_p50_us");
      json.nothing("app_p95_us");
      json.nothing("app_p99_us");
    } else {
      json.micros("app_p50_us", application.p50Nanos());
      json.micros("app_p95_us", application.p95Nanos());
      json.micros("app_p99_us", application.p99Nanos());
    }
    json.array(
        "spark",
        () -> {
          for (int bin : group.spark()) {
            json.number(bin);
          }
        });
    json.object(
        "codes",
        () -> {
          for (Map.Entry<Integer, Long> code : group.statusCodes().entrySet()) {
            json.field(code.getKey().toString(), code.getValue());
          }
        });
    json.object(
        "status",
        () -> {
          for (int digit = 1; digit <= 5; digit++) {
            json.field(digit + "xx", group.statusClass(digit));
          }
          json.field("none", group.statusClass(0));
        });
    json.object(
        "outcomes",
        () -> {
          for (Outcome outcome : Outcome.values()) {
            json.field(outcome.jsonName(), group.outcome(outcome));
          }
        });
    json.field("bytes_in", group.bytesIn());
    json.field("bytes_out", group.bytesOut());
  }

  static void latency(Json json, GroupSnapshot group) throws IOException {
    latency(json, group.latency());
    json.micros("total_us", group.totalNanos());
  }

  private static void latency(Json json, @Nullable Latency latency) throws IOException {
    if (latency == null) {
      for (String name : List.of("p50", "p90", "p95", "p99", "p999", "max", "mean")) {
        json.nothing(name + "_us");
      }
    } else {
      json.micros("p50_us", latency.p50Nanos());
      json.micros("p90_us", latency.p90Nanos());
      json.micros("p95_us", latency.p95Nanos());
      json.micros("p99_us", latency.p99Nanos());
      json.micros("p999_us", latency.p999Nanos());
      json.micros("max_us", latency.maxNanos());
      json.micros("mean_us", latency.meanNanos());
    }
  }

  static void connections(Json json, ConnectionsSnapshot connections) throws IOException {
    json.field("open", connections.open());
    json.field("opened", connections.opened());
    json.field("closed", connections.closed().count());
    json.field("rejected", connections.rejected());
    json.field("requests_served", connections.requestsServed());
    json.field("requests_per_connection", connections.requestsPerConnection());
    json.field("never_used", connections.neverUsed());
    json.object("lifetime", () -> latency(json, connections.closed()));
    json.object(
        "reasons",
        () -> {
          for (CloseReason reason : CloseReason.values()) {
            json.field(reason.jsonName(), connections.reasons().getOrDefault(reason, 0L));
          }
        });
    json.array(
        "details",
        () -> {
          for (GroupSnapshot detail : connections.details()) {
            json.element(
                () -> {
                  json.text("reason", detail.kind());
                  json.text("detail", detail.name());
                  json.field("count", detail.count());
                });
          }
        });
  }

  private static void heat(Json json, HeatMap heat, ClockAnchor anchor) throws IOException {
    json.micros("start_us", wholeMicros(anchor.toEpochNanos(heat.columnStartNanos(0))));
    json.micros("column_us", heat.columnNanos());
    json.field("columns", heat.columns());
    json.array(
        "upper_us",
        () -> {
          for (int row = 0; row < heat.rows(); row++) {
            boolean isOpen = row == heat.rows() - 1;
            json.micros(isOpen ? -1_000 : heat.rowUpperNanos(row));
          }
        });
    // Column, row, count of the cells that are not empty: most are.
    json.array(
        "cells",
        () -> {
          for (int column = 0; column < heat.columns(); column++) {
            for (int row = 0; row < heat.rows(); row++) {
              long count = heat.count(column, row);
              if (count > 0) {
                json.triple(column, row, count);
              }
            }
          }
        });
  }

  static long aborts(GroupSnapshot group) {
    return group.outcome(Outcome.CLIENT_ABORT_BEFORE_HEADERS)
        + group.outcome(Outcome.CLIENT_ABORT_DURING_BODY);
  }

  static String keyOf(GroupSnapshot route) {
    return route.kind() + " " + route.name();
  }

  static long wholeMicros(long nanos) {
    return nanos - Math.floorMod(nanos, 1_000L);
  }
}
