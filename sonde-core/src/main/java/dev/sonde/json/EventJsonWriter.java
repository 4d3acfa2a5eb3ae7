// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

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
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.time.ClockAnchor;
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

  // The names are a promise of their own: they do not follow those of the classes.
  private static final byte[] CONNECTION_OPENED = beginOf("ConnectionOpened");
  private static final byte[] REQUEST_STARTED = beginOf("RequestStarted");
  private static final byte[] RESPONSE_COMPLETED = beginOf("ResponseCompleted");
  private static final byte[] CLIENT_DISCONNECTED = beginOf("ClientDisconnected");
  private static final byte[] CONNECTION_CLOSED = beginOf("ConnectionClosed");
  private static final byte[] REQ = beginOf("REQ");
  private static final byte[] FN = beginOf("FN");
  private static final byte[] DB = beginOf("DB");

  private static final byte[] TS_NS = JsonBuffer.name("ts_ns");
  private static final byte[] MONO_NS = JsonBuffer.name("mono_ns");
  private static final byte[] SEQ = JsonBuffer.name("seq");
  private static final byte[] SLOW = JsonBuffer.name("slow");
  private static final byte[] TRUNCATED = JsonBuffer.name("truncated");

  private static final byte[] APP_NS = JsonBuffer.name("app_ns");
  private static final byte[] BATCH_SIZE = JsonBuffer.name("batch_size");
  private static final byte[] BLOCKED_MS = JsonBuffer.name("blocked_ms");
  private static final byte[] BLOCKED_NS = JsonBuffer.name("blocked_ns");
  private static final byte[] BYTES_IN = JsonBuffer.name("bytes_in");
  private static final byte[] BYTES_OUT = JsonBuffer.name("bytes_out");
  private static final byte[] BYTES_SENT = JsonBuffer.name("bytes_sent");
  private static final byte[] CLIENT_ADDR = JsonBuffer.name("client_addr");
  private static final byte[] CLIENT_PORT = JsonBuffer.name("client_port");
  private static final byte[] CONNECTION_ID = JsonBuffer.name("connection_id");
  private static final byte[] DB_NAME = JsonBuffer.name("db_name");
  private static final byte[] DB_VENDOR = JsonBuffer.name("db_vendor");
  private static final byte[] DETAIL = JsonBuffer.name("detail");
  private static final byte[] DUR_NS = JsonBuffer.name("dur_ns");
  private static final byte[] DURATION_MS = JsonBuffer.name("duration_ms");
  private static final byte[] DURING_STREAMING = JsonBuffer.name("during_streaming");
  private static final byte[] ERROR = JsonBuffer.name("error");
  private static final byte[] ERROR_CODE = JsonBuffer.name("error_code");
  private static final byte[] ERROR_MESSAGE = JsonBuffer.name("message");
  private static final byte[] ERROR_STACK = JsonBuffer.name("stack");
  private static final byte[] ERROR_TYPE = ascii("{\"type\":");
  private static final byte[] EXCEPTION_TYPE = JsonBuffer.name("exception_type");
  private static final byte[] FUNCTION = JsonBuffer.name("fn");
  private static final byte[] HTTP_VERSION = JsonBuffer.name("http_version");
  private static final byte[] METHOD = JsonBuffer.name("method");
  private static final byte[] OPERATION = JsonBuffer.name("operation");
  private static final byte[] OUTCOME = JsonBuffer.name("outcome");
  private static final byte[] PARENT_SPAN_ID = JsonBuffer.name("parent_span_id");
  private static final byte[] PATH = JsonBuffer.name("path");
  private static final byte[] PROTOCOL = JsonBuffer.name("protocol");
  private static final byte[] QUERY = JsonBuffer.name("query");
  private static final byte[] QUERY_HASH = JsonBuffer.name("query_hash");
  private static final byte[] REASON = JsonBuffer.name("reason");
  private static final byte[] REQUEST_ID = JsonBuffer.name("request_id");
  private static final byte[] REQUESTS_SERVED = JsonBuffer.name("requests_served");
  private static final byte[] ROUTE = JsonBuffer.name("route");
  private static final byte[] ROWS = JsonBuffer.name("rows");
  private static final byte[] SERVER_ADDR = JsonBuffer.name("server_addr");
  private static final byte[] SERVER_PORT = JsonBuffer.name("server_port");
  private static final byte[] SPAN_ID = JsonBuffer.name("span_id");
  private static final byte[] STATUS = JsonBuffer.name("status");
  private static final byte[] STREAM = JsonBuffer.name("stream");
  private static final byte[] STREAM_ID = JsonBuffer.name("stream_id");
  private static final byte[] TARGET = JsonBuffer.name("target");
  private static final byte[] TIME_TO_FIRST_BYTE_MS = JsonBuffer.name("time_to_first_byte_ms");
  private static final byte[] TIMESTAMP_NS = JsonBuffer.name("timestamp_ns");
  private static final byte[] TLS = JsonBuffer.name("tls");
  private static final byte[] TOTAL_BYTES_SENT = JsonBuffer.name("total_bytes_sent");
  private static final byte[] TRACE_ID = JsonBuffer.name("trace_id");
  private static final byte[] TTFB_NS = JsonBuffer.name("ttfb_ns");
  private static final byte[] WEIGHT = JsonBuffer.name("weight");
  private static final byte[] WORKER_ID = JsonBuffer.name("worker_id");

  private final JsonBuffer out;
  private ClockAnchor anchor;
  private boolean isTruncated;

  /**
   * Writes dates that follow from an anchor.
   *
   * @param out takes the lines
   */
  public EventJsonWriter(ClockAnchor anchor, JsonBuffer out) {
    this.anchor = anchor;
    this.out = out;
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
    JsonBuffer line = new JsonBuffer(512);
    new EventJsonWriter(anchor, line).write(event, NO_SEQUENCE, isSlow);
    return new String(line.array(), 0, line.size(), StandardCharsets.UTF_8).stripTrailing();
  }

  /** Takes a newer anchor for the lines to come. */
  public void anchor(ClockAnchor anchor) {
    this.anchor = anchor;
  }

  /**
   * Writes one event and a line feed.
   *
   * @throws IllegalArgumentException if the event holds a number that JSON does not know; nothing
   *     has then been written
   */
  public void write(Event event) {
    write(event, NO_SEQUENCE);
  }

  /** Writes one event with its number in the archive, and a line feed. */
  public void write(Event event, long sequence) {
    write(event, sequence, false);
  }

  /**
   * Begins a line of the archive's own, to which {@code out} then adds fields and the end.
   *
   * @param type the value of {@code "type"}
   * @param monotonicNanos when it happened
   */
  public void begin(String type, long monotonicNanos) {
    begin(beginOf(type), monotonicNanos, NO_SEQUENCE);
  }

  private void write(Event event, long sequence, boolean isSlow) {
    int start = out.size();
    boolean isWhole = false;
    try {
      isTruncated = false;
      if (event instanceof LifecycleEvent lifecycle) {
        writeLifecycle(lifecycle, sequence);
      } else {
        writeProfile((ProfileEvent) event, sequence);
      }
      if (isSlow) {
        out.bool(SLOW, true);
      }
      if (isTruncated) {
        out.bool(TRUNCATED, true);
      }
      out.endLine();
      isWhole = true;
    } finally {
      if (!isWhole) {
        out.cut(start);
      }
    }
  }

  private void begin(byte[] type, long monotonicNanos, long sequence) {
    out.put(type);
    out.number(TS_NS, anchor.toEpochNanos(monotonicNanos));
    out.number(MONO_NS, monotonicNanos);
    if (sequence != NO_SEQUENCE) {
      out.number(SEQ, sequence);
    }
  }

  private void writeLifecycle(LifecycleEvent event, long sequence) {
    if (event instanceof ConnectionOpened opened) {
      begin(CONNECTION_OPENED, opened, sequence);
      writeOpened(opened);
    } else if (event instanceof RequestStarted started) {
      begin(REQUEST_STARTED, started, sequence);
      writeStarted(started);
    } else if (event instanceof ResponseCompleted completed) {
      begin(RESPONSE_COMPLETED, completed, sequence);
      writeCompleted(completed);
    } else if (event instanceof ClientDisconnected disconnected) {
      begin(CLIENT_DISCONNECTED, disconnected, sequence);
      writeDisconnected(disconnected);
    } else if (event instanceof ConnectionClosed closed) {
      begin(CONNECTION_CLOSED, closed, sequence);
      writeClosed(closed);
    }
    out.number(TIMESTAMP_NS, event.timestampNanos());
  }

  private void begin(byte[] type, LifecycleEvent event, long sequence) {
    begin(type, event.timestampNanos(), sequence);
    out.number(CONNECTION_ID, event.connectionId());
    out.number(WORKER_ID, event.workerId());
  }

  private void writeOpened(ConnectionOpened opened) {
    text(CLIENT_ADDR, opened.clientAddress());
    out.number(CLIENT_PORT, opened.clientPort());
    text(SERVER_ADDR, opened.serverAddress());
    out.number(SERVER_PORT, opened.serverPort());
    text(PROTOCOL, opened.protocol().jsonName());
    out.bool(TLS, opened.tls());
  }

  private void writeStarted(RequestStarted started) {
    out.number(REQUEST_ID, started.requestId());
    out.number(STREAM_ID, started.streamId());
    text(METHOD, started.method());
    text(PATH, started.path());
    text(HTTP_VERSION, started.httpVersion());
  }

  private void writeCompleted(ResponseCompleted completed) {
    out.number(REQUEST_ID, completed.requestId());
    out.number(STREAM_ID, completed.streamId());
    out.number(STATUS, completed.status());
    out.number(BYTES_SENT, completed.bytesSent());
    out.millis(DURATION_MS, completed.durationNanos());
    if (completed.timeToFirstByteNanos() == -1) {
      out.nothing(TIME_TO_FIRST_BYTE_MS);
    } else {
      out.millis(TIME_TO_FIRST_BYTE_MS, completed.timeToFirstByteNanos());
    }
    text(ROUTE, completed.route());
    writeWaiting(completed.blockedNanos(), completed.stream());
  }

  private void writeDisconnected(ClientDisconnected disconnected) {
    out.number(REQUEST_ID, disconnected.requestId());
    out.number(STREAM_ID, disconnected.streamId());
    out.bool(DURING_STREAMING, disconnected.duringStreaming());
    out.number(BYTES_SENT, disconnected.bytesSent());
    writeWaiting(disconnected.blockedNanos(), disconnected.stream());
  }

  private void writeWaiting(long blockedNanos, @Nullable StreamKind stream) {
    if (blockedNanos >= 0) {
      out.millis(BLOCKED_MS, blockedNanos);
    }
    writeStream(stream);
  }

  private void writeStream(@Nullable StreamKind stream) {
    if (stream != null) {
      text(STREAM, stream.jsonName());
    }
  }

  private void writeClosed(ConnectionClosed closed) {
    out.number(REQUESTS_SERVED, closed.requestsServed());
    out.number(TOTAL_BYTES_SENT, closed.totalBytesSent());
    out.millis(DURATION_MS, closed.durationNanos());
    text(REASON, closed.reason().jsonName());
    text(DETAIL, closed.detail());
  }

  private void writeProfile(ProfileEvent event, long sequence) {
    if (event instanceof RequestEvent request) {
      begin(REQ, request, sequence);
      writeRequest(request);
    } else if (event instanceof FunctionEvent function) {
      begin(FN, function, sequence);
      writeFunction(function);
    } else if (event instanceof DatabaseEvent statement) {
      begin(DB, statement, sequence);
      writeDatabase(statement);
    }
    if (!Double.isFinite(event.weight())) {
      throw new IllegalArgumentException("weight must be finite, was " + event.weight());
    }
    out.decimal(WEIGHT, event.weight());
  }

  private void begin(byte[] type, ProfileEvent event, long sequence) {
    begin(type, event.timestampNanos(), sequence);
    out.id(TRACE_ID, event.traceIdHigh(), event.traceIdLow());
    out.id(SPAN_ID, event.spanId());
    out.id(PARENT_SPAN_ID, event.parentSpanId());
  }

  private void writeRequest(RequestEvent request) {
    out.number(CONNECTION_ID, request.connectionId());
    out.number(REQUEST_ID, request.requestId());
    text(METHOD, request.method());
    text(ROUTE, request.route());
    text(PATH, request.path());
    out.number(STATUS, request.status());
    text(OUTCOME, request.outcome().jsonName());
    out.number(DUR_NS, request.durationNanos());
    out.number(BYTES_IN, request.bytesIn());
    out.number(BYTES_OUT, request.bytesOut());
    if (request.timeToFirstByteNanos() >= 0) {
      out.number(TTFB_NS, request.timeToFirstByteNanos());
    }
    if (request.blockedNanos() >= 0) {
      out.number(APP_NS, request.applicationNanos());
      out.number(BLOCKED_NS, request.blockedNanos());
    }
    writeStream(request.stream());
    ErrorInfo error = request.error();
    if (error == null) {
      out.nothing(ERROR);
    } else {
      out.put(ERROR);
      text(ERROR_TYPE, error.type());
      text(ERROR_MESSAGE, error.message());
      text(ERROR_STACK, error.stack(), STACK_MAX_BYTES);
      out.endObject();
    }
  }

  private void writeFunction(FunctionEvent function) {
    text(FUNCTION, function.function());
    out.number(DUR_NS, function.durationNanos());
    out.bool(ERROR, function.isError());
    text(EXCEPTION_TYPE, function.exceptionType());
  }

  private void writeDatabase(DatabaseEvent statement) {
    text(DB_VENDOR, statement.vendor());
    text(DB_NAME, statement.database());
    text(OPERATION, statement.operation());
    text(TARGET, statement.target());
    text(QUERY, statement.query(), QUERY_MAX_BYTES);
    out.id(QUERY_HASH, statement.queryHash());
    out.number(ROWS, statement.rows());
    out.number(DUR_NS, statement.durationNanos());
    out.bool(ERROR, statement.isError());
    text(ERROR_CODE, statement.errorCode());
    out.number(BATCH_SIZE, statement.batchSize());
  }

  private void text(byte[] name, @Nullable String value) {
    text(name, value, TEXT_MAX_BYTES);
  }

  private void text(byte[] name, @Nullable String value, int maxBytes) {
    isTruncated |= !out.text(name, value, maxBytes);
  }

  private static byte[] beginOf(String type) {
    return ascii("{\"v\":" + VERSION + ",\"type\":\"" + type + '"');
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
