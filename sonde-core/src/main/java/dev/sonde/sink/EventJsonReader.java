// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.EventJsonWriter;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads the lines that {@link EventJsonWriter} writes.
 *
 * <p>Unknown keys are passed over, and {@code ConnectionCompleted} is taken for {@code
 * ConnectionClosed}.
 */
public final class EventJsonReader {
  private EventJsonReader() {}

  /**
   * The event of one line.
   *
   * @throws BadLineException if the line is not JSON, not of version 1, not of a known type, or a
   *     field is missing or of the wrong kind
   */
  public static Event read(String line) throws BadLineException {
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    JsonFields fields = JsonFields.parse(bytes, 0, bytes.length);
    checkVersion(fields);
    Event event = toEvent(fields);
    if (event == null) {
      throw new BadLineException("type must be that of an event");
    }
    return event;
  }

  static void checkVersion(JsonFields fields) throws BadLineException {
    if (fields.integer("v") != EventJsonWriter.VERSION) {
      throw new BadLineException("v must be " + EventJsonWriter.VERSION);
    }
  }

  /** The event, or null if the type is none of an event. */
  static @Nullable Event toEvent(JsonFields fields) throws BadLineException {
    return switch (fields.text("type")) {
      case "ConnectionOpened" -> opened(fields);
      case "RequestStarted" -> started(fields);
      case "ResponseCompleted" -> completed(fields);
      case "ClientDisconnected" -> disconnected(fields);
      case "ConnectionClosed", "ConnectionCompleted" -> closed(fields);
      case "REQ" -> request(fields);
      case "FN" -> function(fields);
      case "DB" -> database(fields);
      default -> null;
    };
  }

  private static Event opened(JsonFields fields) throws BadLineException {
    return new ConnectionOpened(
        fields.integer("connection_id"),
        fields.smallInteger("worker_id"),
        fields.text("client_addr"),
        fields.smallInteger("client_port"),
        fields.text("server_addr"),
        fields.smallInteger("server_port"),
        constant(fields, "protocol", Protocol.values(), Protocol::jsonName),
        fields.integer("timestamp_ns"),
        fields.bool("tls"));
  }

  private static Event started(JsonFields fields) throws BadLineException {
    return new RequestStarted(
        fields.integer("connection_id"),
        fields.smallInteger("worker_id"),
        fields.integer("request_id"),
        fields.integer("stream_id"),
        fields.text("method"),
        fields.text("path"),
        fields.text("http_version"),
        fields.integer("timestamp_ns"));
  }

  private static Event completed(JsonFields fields) throws BadLineException {
    boolean hasFirstByte = fields.isPresent("time_to_first_byte_ms");
    return new ResponseCompleted(
        fields.integer("connection_id"),
        fields.smallInteger("worker_id"),
        fields.integer("request_id"),
        fields.integer("stream_id"),
        fields.smallInteger("status"),
        fields.integer("bytes_sent"),
        fields.millis("duration_ms"),
        fields.integer("timestamp_ns"),
        hasFirstByte ? fields.millis("time_to_first_byte_ms") : -1,
        fields.textOrNull("route"),
        fields.isPresent("blocked_ms") ? fields.millis("blocked_ms") : -1,
        streamOrNull(fields));
  }

  private static Event disconnected(JsonFields fields) throws BadLineException {
    return new ClientDisconnected(
        fields.integer("connection_id"),
        fields.smallInteger("worker_id"),
        fields.integer("request_id"),
        fields.integer("stream_id"),
        fields.bool("during_streaming"),
        fields.integer("bytes_sent"),
        fields.integer("timestamp_ns"),
        fields.isPresent("blocked_ms") ? fields.millis("blocked_ms") : -1,
        streamOrNull(fields));
  }

  private static Event closed(JsonFields fields) throws BadLineException {
    return new ConnectionClosed(
        fields.integer("connection_id"),
        fields.smallInteger("worker_id"),
        fields.integer("requests_served"),
        fields.integer("total_bytes_sent"),
        fields.millis("duration_ms"),
        constant(fields, "reason", CloseReason.values(), CloseReason::jsonName),
        fields.textOrNull("detail"),
        fields.integer("timestamp_ns"));
  }

  private static Event request(JsonFields fields) throws BadLineException {
    JsonFields error = fields.objectOrNull("error");
    return new RequestEvent(
        fields.integer("mono_ns"),
        fields.halfOfTraceId("trace_id", false),
        fields.halfOfTraceId("trace_id", true),
        fields.id("span_id"),
        fields.id("parent_span_id"),
        fields.integer("connection_id"),
        fields.integer("request_id"),
        fields.text("method"),
        fields.textOrNull("route"),
        fields.text("path"),
        fields.smallInteger("status"),
        constant(fields, "outcome", Outcome.values(), Outcome::jsonName),
        fields.integer("dur_ns"),
        fields.integer("bytes_in"),
        fields.integer("bytes_out"),
        error == null
            ? null
            : new ErrorInfo(error.text("type"), error.textOrNull("message"), error.text("stack")),
        fields.number("weight"),
        fields.isPresent("ttfb_ns") ? fields.integer("ttfb_ns") : -1,
        fields.isPresent("blocked_ns") ? fields.integer("blocked_ns") : -1,
        streamOrNull(fields));
  }

  private static @Nullable StreamKind streamOrNull(JsonFields fields) throws BadLineException {
    return fields.isPresent("stream")
        ? constant(fields, "stream", StreamKind.values(), StreamKind::jsonName)
        : null;
  }

  private static Event function(JsonFields fields) throws BadLineException {
    return new FunctionEvent(
        fields.integer("mono_ns"),
        fields.halfOfTraceId("trace_id", false),
        fields.halfOfTraceId("trace_id", true),
        fields.id("span_id"),
        fields.id("parent_span_id"),
        fields.text("fn"),
        fields.integer("dur_ns"),
        fields.bool("error"),
        fields.textOrNull("exception_type"),
        fields.number("weight"));
  }

  private static Event database(JsonFields fields) throws BadLineException {
    return new DatabaseEvent(
        fields.integer("mono_ns"),
        fields.halfOfTraceId("trace_id", false),
        fields.halfOfTraceId("trace_id", true),
        fields.id("span_id"),
        fields.id("parent_span_id"),
        fields.text("db_vendor"),
        fields.textOrNull("db_name"),
        fields.text("operation"),
        fields.textOrNull("target"),
        fields.textOrNull("query"),
        fields.id("query_hash"),
        fields.integer("rows"),
        fields.integer("dur_ns"),
        fields.bool("error"),
        fields.textOrNull("error_code"),
        fields.smallInteger("batch_size"),
        fields.number("weight"));
  }

  private static <E extends Enum<E>> E constant(
      JsonFields fields, String name, E[] constants, Function<E, String> jsonName)
      throws BadLineException {
    String value = fields.text(name);
    for (E constant : constants) {
      if (jsonName.apply(constant).equals(value)) {
        return constant;
      }
    }
    throw new BadLineException(name + " is not one of the known values");
  }
}
