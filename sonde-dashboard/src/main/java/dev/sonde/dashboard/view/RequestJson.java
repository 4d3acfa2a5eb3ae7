// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.capture.RouteNormalizer;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.recent.RecentRequest;
import dev.sonde.recent.RecentRequests;
import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.time.ClockAnchor;
import java.io.IOException;
import java.util.List;

/** Single requests and kinds of failure as JSON. */
final class RequestJson {
  /** Bounds of one document, about half a megabyte. */
  private static final int MAX_NEWEST = 300;

  private static final int MAX_SLOW_ROUTES = 100;

  private RequestJson() {}

  private static <T> List<T> first(List<T> list, int most) {
    return list.subList(0, Math.min(list.size(), most));
  }

  static void requests(Json json, RecentRequests recent, ClockAnchor anchor) throws IOException {
    json.field("v", 1);
    list(json, "newest", first(recent.newest(), MAX_NEWEST), anchor);
    json.array(
        "slowest",
        () -> {
          for (RecentRequests.SlowRoute slow : first(recent.slowest(), MAX_SLOW_ROUTES)) {
            json.element(
                () -> {
                  json.text("route", slow.route());
                  list(json, "requests", slow.requests(), anchor);
                });
          }
        });
  }

  static void list(Json json, String name, List<RecentRequest> requests, ClockAnchor anchor)
      throws IOException {
    json.array(
        name,
        () -> {
          for (RecentRequest recent : requests) {
            json.element(() -> summary(json, recent, anchor));
          }
        });
  }

  private static void summary(Json json, RecentRequest recent, ClockAnchor anchor)
      throws IOException {
    RequestEvent request = recent.request();
    ErrorInfo error = request.error();
    json.id("request_id", request.requestId());
    json.micros("t_us", StatsJson.wholeMicros(anchor.toEpochNanos(request.timestampNanos())));
    json.text("trace_id", Json.traceId(request.traceIdHigh(), request.traceIdLow()));
    json.text("span_id", Json.hex(request.spanId()));
    json.text("method", RouteNormalizer.method(request.method()));
    json.text("route", Inside.groupOf(request));
    json.text("path", request.path());
    json.field("status", request.status());
    json.text("outcome", request.outcome().jsonName());
    json.field("is_error", request.isError());
    json.text("error_type", error == null ? null : error.type());
    json.micros("dur_us", request.durationNanos());
    json.micros("ttfb_us", orUnknown(request.timeToFirstByteNanos()));
    json.micros("app_us", orUnknown(request.applicationNanos()));
    json.micros("blocked_us", orUnknown(request.blockedNanos()));
    StreamKind stream = request.stream();
    json.text("stream", stream == null ? null : stream.jsonName());
    json.field("bytes_in", request.bytesIn());
    json.field("bytes_out", request.bytesOut());
    json.id("connection_id", request.connectionId());
    json.id("stream_id", recent.streamId());
    json.field("worker_id", recent.workerId());
    json.text("http_version", recent.httpVersion());
    json.field("functions", recent.functions().size());
    json.field("statements", recent.statements().size());
    json.field("weight", request.weight());
  }

  /** Microseconds have -1 where nanoseconds have. */
  private static long orUnknown(long nanos) {
    return nanos < 0 ? -1_000 : nanos;
  }

  static void request(Json json, RecentRequest recent, ClockAnchor anchor) throws IOException {
    json.field("v", 1);
    summary(json, recent, anchor);
    ErrorInfo error = recent.request().error();
    if (error == null) {
      json.nothing("error");
    } else {
      json.object(
          "error",
          () -> {
            json.text("type", error.type());
            json.text("message", error.message(), Json.MAX_TEXT);
            json.text("stack", error.stack(), Json.MAX_STACK);
          });
    }
    json.field("omitted", recent.omittedCount());
    json.array(
        "spans",
        () -> {
          for (FunctionEvent function : recent.functions()) {
            json.element(() -> function(json, function, recent.request()));
          }
          for (DatabaseEvent statement : recent.statements()) {
            json.element(() -> statement(json, statement, recent.request()));
          }
        });
  }

  private static void function(Json json, FunctionEvent function, RequestEvent request)
      throws IOException {
    span(json, "FN", function, request);
    json.text("name", function.function());
    json.text("error_type", function.exceptionType());
  }

  private static void statement(Json json, DatabaseEvent statement, RequestEvent request)
      throws IOException {
    span(json, "DB", statement, request);
    json.text("name", statement.operation());
    json.text("query", statement.query(), Json.MAX_TEXT);
    json.text("system", statement.vendor());
    json.text("database", statement.database());
    json.text("target", statement.target());
    json.field("rows", statement.rows());
    json.field("batch_size", statement.batchSize());
    json.text("error_type", statement.errorCode());
  }

  private static void span(Json json, String kind, ProfileEvent event, RequestEvent request)
      throws IOException {
    long requestStart = request.timestampNanos() - request.durationNanos();
    long start = event.timestampNanos() - event.durationNanos();
    json.text("kind", kind);
    json.text("span_id", Json.hex(event.spanId()));
    json.text("parent_span_id", Json.hex(event.parentSpanId()));
    json.micros("start_us", start - requestStart);
    json.micros("dur_us", event.durationNanos());
    json.field("is_error", event.isError());
  }

  static void errors(Json json, ErrorSnapshot errors, ClockAnchor anchor) throws IOException {
    json.field("v", 1);
    json.micros("now_us", StatsJson.wholeMicros(anchor.toEpochNanos(errors.takenNanos())));
    json.field("total", errors.totalCount());
    json.field("evicted_kinds", errors.evictedKinds());
    json.field("evicted_count", errors.evictedCount());
    json.array(
        "kinds",
        () -> {
          for (ErrorSnapshot.Kind kind : errors.kinds()) {
            json.element(() -> kind(json, kind, anchor));
          }
        });
  }

  private static void kind(Json json, ErrorSnapshot.Kind kind, ClockAnchor anchor)
      throws IOException {
    json.text("source", kind.source().jsonName());
    json.text("type", kind.type());
    json.text("message", kind.message(), Json.MAX_TEXT);
    json.text("where", kind.where());
    json.text("stack", kind.stack(), Json.MAX_STACK);
    json.field("count", kind.count());
    json.micros("first_us", StatsJson.wholeMicros(anchor.toEpochNanos(kind.firstNanos())));
    json.micros("last_us", StatsJson.wholeMicros(anchor.toEpochNanos(kind.lastNanos())));
    json.text(
        "example_trace_id", Json.traceId(kind.exampleTraceIdHigh(), kind.exampleTraceIdLow()));
    if (kind.exampleRequestId() == 0) {
      json.nothing("example_request_id");
    } else {
      json.id("example_request_id", kind.exampleRequestId());
    }
    json.array(
        "trend",
        () -> {
          for (long minute : kind.trend()) {
            json.number(minute);
          }
        });
  }
}
