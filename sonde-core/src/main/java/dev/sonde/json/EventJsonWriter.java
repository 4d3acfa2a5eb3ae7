// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.time.ClockAnchor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Writes events as JSON, each on one line of valid UTF-8, as {@code event-v1.schema.json} says.
 *
 * <p>Control characters, line separators and characters that turn the reading direction are
 * escaped; a lone surrogate becomes U+FFFD. Texts are cut at {@link #TEXT_MAX_BYTES}, queries at
 * {@link #QUERY_MAX_BYTES} and stacks at {@link #STACK_MAX_BYTES} bytes of UTF-8, and {@code
 * "truncated":true} tells that one was.
 *
 * <p>Not thread-safe.
 */
public final class EventJsonWriter {
  /** Version of the lines, the value of {@code "v"}. */
  public static final int VERSION = 1;

  /** Bytes of UTF-8 that are kept of a path, a route, a name or a message. */
  public static final int TEXT_MAX_BYTES = 512;

  /** Bytes of UTF-8 that are kept of a query. */
  public static final int QUERY_MAX_BYTES = 8 * 1024;

  /** Bytes of UTF-8 that are kept of a stack. */
  public static final int STACK_MAX_BYTES = 16 * 1024;

  private static final long NO_SEQUENCE = 0;
  private static final int NANOS_PER_MILLI = 1_000_000;

  private static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .rootValueSeparator((String) null)
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(StreamWriteFeature.AUTO_CLOSE_CONTENT)
          .build();

  private final JsonText text = new JsonText();
  private final char[] digits = new char[32];
  private ClockAnchor anchor;
  private boolean isTruncated;

  /** Writes dates that follow from an anchor. */
  public EventJsonWriter(ClockAnchor anchor) {
    this.anchor = anchor;
  }

  /** The JSON of one event, without a line end. */
  public static String toJson(Event event, ClockAnchor anchor) {
    return toJson(event, anchor, false);
  }

  /**
   * The JSON of one event as a log shows it, without a line end.
   *
   * @param isSlow whether to add {@code "slow":true}
   */
  public static String toJson(Event event, ClockAnchor anchor, boolean isSlow) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try {
      new EventJsonWriter(anchor).write(event, NO_SEQUENCE, isSlow, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toString(StandardCharsets.UTF_8).stripTrailing();
  }

  /** Takes a newer anchor for the lines to come. */
  public void anchor(ClockAnchor anchor) {
    this.anchor = anchor;
  }

  /**
   * Writes one event and a line feed.
   *
   * @throws IOException if the stream fails; a part of the line may then have been written
   * @throws IllegalArgumentException if the event holds a number that JSON does not know; nothing
   *     that is of use has then been written
   */
  public void write(Event event, OutputStream out) throws IOException {
    write(event, NO_SEQUENCE, out);
  }

  /** Writes one event with its number in the archive, and a line feed. */
  public void write(Event event, long sequence, OutputStream out) throws IOException {
    write(event, sequence, false, out);
  }

  private void write(Event event, long sequence, boolean isSlow, OutputStream out)
      throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      isTruncated = false;
      begin(json, event.type(), event.timestampNanos());
      if (sequence != NO_SEQUENCE) {
        json.writeNumberField("seq", sequence);
      }
      if (event instanceof LifecycleEvent lifecycle) {
        writeLifecycle(json, lifecycle);
      } else {
        writeProfile(json, (ProfileEvent) event);
      }
      if (isSlow) {
        json.writeBooleanField("slow", true);
      }
      if (isTruncated) {
        json.writeBooleanField("truncated", true);
      }
      json.writeEndObject();
    }
    out.write('\n');
  }

  /**
   * Writes a line of the archive's own.
   *
   * @param namesAndValues names in turn with values of type long or String, in their order
   */
  public void writeMark(
      String type, long monotonicNanos, OutputStream out, Object... namesAndValues)
      throws IOException {
    try (JsonGenerator json = FACTORY.createGenerator(out)) {
      begin(json, type, monotonicNanos);
      for (int i = 0; i < namesAndValues.length; i += 2) {
        String name = (String) namesAndValues[i];
        Object value = namesAndValues[i + 1];
        if (value instanceof Long number) {
          json.writeNumberField(name, number);
        } else {
          text(json, name, String.valueOf(value));
        }
      }
      json.writeEndObject();
    }
    out.write('\n');
  }

  private void begin(JsonGenerator json, String type, long monotonicNanos) throws IOException {
    json.writeStartObject();
    json.writeNumberField("v", VERSION);
    json.writeStringField("type", type);
    json.writeNumberField("ts_ns", anchor.toEpochNanos(monotonicNanos));
    json.writeNumberField("mono_ns", monotonicNanos);
  }

  private void writeLifecycle(JsonGenerator json, LifecycleEvent event) throws IOException {
    json.writeNumberField("connection_id", event.connectionId());
    json.writeNumberField("worker_id", event.workerId());
    if (event instanceof ConnectionOpened opened) {
      text(json, "client_addr", opened.clientAddress());
      json.writeNumberField("client_port", opened.clientPort());
      text(json, "server_addr", opened.serverAddress());
      json.writeNumberField("server_port", opened.serverPort());
      json.writeStringField("protocol", opened.protocol().jsonName());
      json.writeBooleanField("tls", opened.tls());
    } else if (event instanceof RequestStarted started) {
      json.writeNumberField("request_id", started.requestId());
      json.writeNumberField("stream_id", started.streamId());
      text(json, "method", started.method());
      text(json, "path", started.path());
      text(json, "http_version", started.httpVersion());
    } else if (event instanceof ResponseCompleted completed) {
      writeResponse(json, completed);
    } else if (event instanceof ClientDisconnected disconnected) {
      json.writeNumberField("request_id", disconnected.requestId());
      json.writeNumberField("stream_id", disconnected.streamId());
      json.writeBooleanField("during_streaming", disconnected.duringStreaming());
      json.writeNumberField("bytes_sent", disconnected.bytesSent());
    } else if (event instanceof ConnectionClosed closed) {
      json.writeNumberField("requests_served", closed.requestsServed());
      json.writeNumberField("total_bytes_sent", closed.totalBytesSent());
      millis(json, "duration_ms", closed.durationNanos());
      json.writeStringField("reason", closed.reason().jsonName());
      text(json, "detail", closed.detail());
    }
    json.writeNumberField("timestamp_ns", event.timestampNanos());
  }

  private void writeResponse(JsonGenerator json, ResponseCompleted completed) throws IOException {
    json.writeNumberField("request_id", completed.requestId());
    json.writeNumberField("stream_id", completed.streamId());
    json.writeNumberField("status", completed.status());
    json.writeNumberField("bytes_sent", completed.bytesSent());
    millis(json, "duration_ms", completed.durationNanos());
    if (completed.timeToFirstByteNanos() == -1) {
      json.writeNullField("time_to_first_byte_ms");
    } else {
      millis(json, "time_to_first_byte_ms", completed.timeToFirstByteNanos());
    }
    text(json, "route", completed.route());
  }

  private void writeProfile(JsonGenerator json, ProfileEvent event) throws IOException {
    traceId(json, event);
    spanId(json, "span_id", event.spanId());
    spanId(json, "parent_span_id", event.parentSpanId());
    if (event instanceof RequestEvent request) {
      writeRequest(json, request);
    } else if (event instanceof FunctionEvent function) {
      text(json, "fn", function.function());
      json.writeNumberField("dur_ns", function.durationNanos());
      json.writeBooleanField("error", function.isError());
      text(json, "exception_type", function.exceptionType());
    } else if (event instanceof DatabaseEvent statement) {
      writeDatabase(json, statement);
    }
    if (!Double.isFinite(event.weight())) {
      throw new IllegalArgumentException("weight must be finite, was " + event.weight());
    }
    json.writeNumberField("weight", event.weight());
  }

  private void writeRequest(JsonGenerator json, RequestEvent request) throws IOException {
    json.writeNumberField("connection_id", request.connectionId());
    json.writeNumberField("request_id", request.requestId());
    text(json, "method", request.method());
    text(json, "route", request.route());
    text(json, "path", request.path());
    json.writeNumberField("status", request.status());
    json.writeStringField("outcome", request.outcome().jsonName());
    json.writeNumberField("dur_ns", request.durationNanos());
    json.writeNumberField("bytes_in", request.bytesIn());
    json.writeNumberField("bytes_out", request.bytesOut());
    ErrorInfo error = request.error();
    if (error == null) {
      json.writeNullField("error");
    } else {
      json.writeObjectFieldStart("error");
      text(json, "type", error.type());
      text(json, "message", error.message());
      text(json, "stack", error.stack(), STACK_MAX_BYTES);
      json.writeEndObject();
    }
  }

  private void writeDatabase(JsonGenerator json, DatabaseEvent statement) throws IOException {
    text(json, "db_vendor", statement.vendor());
    text(json, "db_name", statement.database());
    text(json, "operation", statement.operation());
    text(json, "target", statement.target());
    text(json, "query", statement.query(), QUERY_MAX_BYTES);
    spanId(json, "query_hash", statement.queryHash());
    json.writeNumberField("rows", statement.rows());
    json.writeNumberField("dur_ns", statement.durationNanos());
    json.writeBooleanField("error", statement.isError());
    text(json, "error_code", statement.errorCode());
    json.writeNumberField("batch_size", statement.batchSize());
  }

  private void text(JsonGenerator json, String name, @Nullable String value) throws IOException {
    text(json, name, value, TEXT_MAX_BYTES);
  }

  private void text(JsonGenerator json, String name, @Nullable String value, int maxBytes)
      throws IOException {
    json.writeFieldName(name);
    if (value == null) {
      json.writeNull();
      return;
    }
    text.encode(value, maxBytes);
    isTruncated |= text.isTruncated();
    json.writeRawUTF8String(text.bytes(), 0, text.length());
  }

  private void traceId(JsonGenerator json, ProfileEvent event) throws IOException {
    if (event.traceIdHigh() == 0 && event.traceIdLow() == 0) {
      json.writeNullField("trace_id");
      return;
    }
    hex(event.traceIdHigh(), 0);
    hex(event.traceIdLow(), 16);
    json.writeFieldName("trace_id");
    json.writeString(digits, 0, 32);
  }

  /** 16 hex digits, or null for 0. */
  private void spanId(JsonGenerator json, String name, long id) throws IOException {
    if (id == 0) {
      json.writeNullField(name);
      return;
    }
    hex(id, 0);
    json.writeFieldName(name);
    json.writeString(digits, 0, 16);
  }

  private void hex(long value, int offset) {
    for (int i = 0; i < 16; i++) {
      digits[offset + i] = Character.forDigit((int) (value >>> (60 - 4 * i)) & 0xF, 16);
    }
  }

  /** Nanoseconds as milliseconds with up to six decimals, without loss. */
  private void millis(JsonGenerator json, String name, long nanos) throws IOException {
    json.writeFieldName(name);
    long whole = nanos / NANOS_PER_MILLI;
    int fraction = (int) Math.abs(nanos % NANOS_PER_MILLI);
    if (fraction == 0) {
      json.writeNumber(whole);
      return;
    }
    int places = 6;
    while (fraction % 10 == 0) {
      fraction /= 10;
      places--;
    }
    int end = digits.length;
    int start = end;
    for (int i = 0; i < places; i++) {
      digits[--start] = (char) ('0' + fraction % 10);
      fraction /= 10;
    }
    digits[--start] = '.';
    long rest = Math.abs(whole);
    do {
      digits[--start] = (char) ('0' + rest % 10);
      rest /= 10;
    } while (rest > 0);
    if (nanos < 0) {
      digits[--start] = '-';
    }
    json.writeNumber(digits, start, end - start);
  }
}
