// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.capture.RouteNormalizer;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.recent.RecentRequest;
import dev.sonde.recent.RecentRequests;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Where the time of one route goes, told from its requests that are kept as examples. */
final class Inside {
  private static final int MAX_STATEMENTS = 20;

  private final Map<String, Statement> statements = new HashMap<>();
  private long samples;
  private long requestNanos;
  private long databaseNanos;
  private long functionNanos;

  /** Sums up the examples of all routes, by method and route. */
  static Map<String, Inside> of(RecentRequests recent) {
    Map<String, Inside> insides = new HashMap<>();
    Set<Long> seen = new HashSet<>();
    for (RecentRequest request : recent.newest()) {
      add(insides, seen, request);
    }
    for (RecentRequests.SlowRoute slow : recent.slowest()) {
      for (RecentRequest request : slow.requests()) {
        add(insides, seen, request);
      }
    }
    return insides;
  }

  private static void add(Map<String, Inside> insides, Set<Long> seen, RecentRequest recent) {
    RequestEvent request = recent.request();
    if (seen.add(request.requestId())) {
      insides
          .computeIfAbsent(
              RouteNormalizer.method(request.method()) + " " + groupOf(request),
              key -> new Inside())
          .add(recent);
    }
  }

  /** Name under which the statistics count the request. */
  static String groupOf(RequestEvent request) {
    String route = request.route();
    if (route != null) {
      return route;
    }
    return request.status() == 404 ? "<unmatched>" : RouteNormalizer.normalize(request.path());
  }

  private void add(RecentRequest recent) {
    samples++;
    requestNanos += recent.request().durationNanos();
    Map<Long, Long> childNanos = new HashMap<>();
    for (DatabaseEvent statement : recent.statements()) {
      databaseNanos += statement.durationNanos();
      addToParent(childNanos, statement);
      String query = statement.query();
      statements
          .computeIfAbsent(query == null ? statement.operation() : query, key -> new Statement())
          .add(statement.durationNanos());
    }
    for (FunctionEvent function : recent.functions()) {
      addToParent(childNanos, function);
    }
    for (FunctionEvent function : recent.functions()) {
      long own = function.durationNanos() - childNanos.getOrDefault(function.spanId(), 0L);
      functionNanos += Math.max(0, own);
    }
  }

  private static void addToParent(Map<Long, Long> childNanos, ProfileEvent event) {
    childNanos.merge(event.parentSpanId(), event.durationNanos(), Long::sum);
  }

  void write(Json json) throws IOException {
    // Work done in parallel can sum up to more than the request took.
    double whole = Math.max(1, Math.max(requestNanos, databaseNanos + functionNanos));
    json.object(
        "split",
        () -> {
          json.field("samples", samples);
          json.field("db", databaseNanos / whole);
          json.field("functions", functionNanos / whole);
        });
    List<Map.Entry<String, Statement>> heaviest =
        statements.entrySet().stream()
            .sorted(Comparator.comparingLong(entry -> -entry.getValue().nanos))
            .limit(MAX_STATEMENTS)
            .toList();
    json.array(
        "statements",
        () -> {
          for (Map.Entry<String, Statement> entry : heaviest) {
            Statement statement = entry.getValue();
            json.element(
                () -> {
                  json.text("query", entry.getKey(), Json.MAX_TEXT);
                  json.field("calls_per_request", (double) statement.calls / samples);
                  json.micros("mean_us", statement.nanos / statement.calls);
                  json.field("share", statement.nanos / whole);
                });
          }
        });
  }

  /** Calls of one statement. */
  private static final class Statement {
    private long calls;
    private long nanos;

    void add(long durationNanos) {
      calls++;
      nanos += durationNanos;
    }
  }
}
