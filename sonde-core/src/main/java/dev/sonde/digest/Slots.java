// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import org.jspecify.annotations.Nullable;

/** How a record lies in a slot of the ring: numbers as they are, texts by reference. */
final class Slots {
  /** Primitives per slot. */
  static final int LONGS = 13;

  /** References per slot. */
  static final int REFS = 6;

  // Kinds, in the lowest byte of the header.
  static final int EXCHANGE = 1;
  static final int REQUEST = 2;
  static final int FUNCTION = 3;
  static final int DATABASE = 4;
  static final int OPENED = 5;
  static final int CLOSED = 6;
  static final int EXCLUDED = 7;

  // Flags, in the second byte of the header.
  static final int IS_ERROR = 1;
  static final int IS_COMMITTED = 2;
  static final int HAS_RESPONSE = 4;
  static final int IS_TLS = 8;

  // Longs of every kind.
  static final int HEADER = 0;
  static final int TIME = 1;

  // Longs of all work.
  static final int TRACE_HIGH = 2;
  static final int TRACE_LOW = 3;
  static final int SPAN = 4;
  static final int PARENT = 5;
  static final int DURATION = 6;

  // Longs of a request.
  static final int CONNECTION = 7;
  static final int REQUEST_ID = 8;
  static final int STREAM = 9;
  static final int BYTES_IN = 10;
  static final int BYTES_OUT = 11;
  static final int FIRST_BYTE = 12;

  // Longs of a call or a statement.
  static final int LOCAL_ROOT = 7;
  static final int QUERY_HASH = 8;
  static final int ROWS = 9;

  // Longs of a connection.
  static final int ID = 2;
  static final int CLIENT_PORT = 3;
  static final int SERVER_PORT = 4;
  static final int SERVED = 3;
  static final int SENT = 4;
  static final int LIFETIME = 6;

  // References of a request.
  static final int METHOD = 0;
  static final int PATH = 1;
  static final int ROUTE = 2;
  static final int VERSION = 3;
  static final int ERROR = 4;
  static final int OUTCOME = 5;

  // References of a call.
  static final int NAME = 0;
  static final int EXCEPTION = 1;

  // References of a statement.
  static final int VENDOR = 0;
  static final int DB_NAME = 1;
  static final int OPERATION = 2;
  static final int TARGET = 3;
  static final int QUERY = 4;
  static final int ERROR_CODE = 5;

  // References of a connection.
  static final int CLIENT_ADDRESS = 0;
  static final int SERVER_ADDRESS = 1;
  static final int PROTOCOL = 2;
  static final int REASON = 0;
  static final int DETAIL = 1;

  static final int MAX_METHOD_CHARS = 64;
  static final int MAX_NAME_CHARS = 512;
  private static final int MAX_QUERY_CHARS = 8_192;

  static final SlotEncoder<Exchange> EXCHANGE_ENCODER = Slots::encodeExchange;
  static final SlotEncoder<Request> REQUEST_ENCODER = Slots::encodeRequest;
  static final SlotEncoder<Span> EXCLUDED_ENCODER = Slots::encodeExcluded;
  static final SlotEncoder<Call> FUNCTION_ENCODER = Slots::encodeFunction;
  static final SlotEncoder<Statement> DATABASE_ENCODER = Slots::encodeDatabase;
  static final SlotEncoder<ConnectionState> OPENED_ENCODER = Slots::encodeOpened;
  static final SlotEncoder<ConnectionState> CLOSED_ENCODER = Slots::encodeClosed;

  private Slots() {}

  /** Ids for a new piece of work: of a given span, or of a new child of the current one. */
  abstract static class Work {
    final long timestampNanos;
    final long durationNanos;
    final long traceIdHigh;
    final long traceIdLow;
    final long spanId;
    final long parentSpanId;
    final long localRootSpanId;

    Work(@Nullable Span own, long timestampNanos, long durationNanos) {
      this.timestampNanos = timestampNanos;
      this.durationNanos = durationNanos;
      Span span = own == null ? TraceContext.childOfCurrent() : own;
      traceIdHigh = span.traceIdHigh();
      traceIdLow = span.traceIdLow();
      spanId = span.spanId();
      parentSpanId = span.parentSpanId();
      localRootSpanId = span.localRootSpanId();
    }

    void encode(long[] longs, int l) {
      longs[l + TIME] = timestampNanos;
      longs[l + TRACE_HIGH] = traceIdHigh;
      longs[l + TRACE_LOW] = traceIdLow;
      longs[l + SPAN] = spanId;
      longs[l + PARENT] = parentSpanId;
      longs[l + DURATION] = durationNanos;
    }
  }

  /** A request that the application reports itself. */
  static final class Request extends Work {
    final long id;
    final String method;
    final @Nullable String route;
    final String path;
    final int status;
    final Outcome outcome;
    final long bytesIn;
    final long bytesOut;
    final @Nullable Throwable error;

    Request(
        long id,
        String method,
        @Nullable String route,
        String path,
        int status,
        Outcome outcome,
        long timestampNanos,
        long durationNanos,
        long bytesIn,
        long bytesOut,
        @Nullable Throwable error) {
      super(TraceContext.current(), timestampNanos, durationNanos);
      this.id = id;
      this.method = method;
      this.route = route;
      this.path = path;
      this.status = status;
      this.outcome = outcome;
      this.bytesIn = bytesIn;
      this.bytesOut = bytesOut;
      this.error = error;
    }
  }

  /** A call of a function. */
  static final class Call extends Work {
    final String name;
    final boolean isError;
    final @Nullable String exceptionType;

    Call(
        @Nullable Span own,
        String name,
        boolean isError,
        @Nullable String exceptionType,
        long timestampNanos,
        long durationNanos) {
      super(own, timestampNanos, durationNanos);
      this.name = name;
      this.isError = isError;
      this.exceptionType = exceptionType;
    }
  }

  /** A statement. */
  static final class Statement extends Work {
    final String vendor;
    final @Nullable String database;
    final String operation;
    final @Nullable String target;
    final @Nullable String query;
    final long queryHash;
    final long rows;
    final boolean isError;
    final @Nullable String errorCode;
    final int batchSize;

    Statement(
        String vendor,
        @Nullable String database,
        String operation,
        @Nullable String target,
        @Nullable String query,
        long queryHash,
        long rows,
        long timestampNanos,
        long durationNanos,
        boolean isError,
        @Nullable String errorCode,
        int batchSize) {
      super(null, timestampNanos, durationNanos);
      this.vendor = vendor;
      this.database = database;
      this.operation = operation;
      this.target = target;
      this.query = query;
      this.queryHash = queryHash;
      this.rows = rows;
      this.isError = isError;
      this.errorCode = errorCode;
      this.batchSize = batchSize;
    }
  }

  private static void encodeExchange(
      Exchange exchange, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags =
        (exchange.isCommitted() ? IS_COMMITTED : 0) | (exchange.hasResponse() ? HAS_RESPONSE : 0);
    longs[l + HEADER] = header(EXCHANGE, flags, exchange.status(), exchange.workerId());
    longs[l + TIME] = exchange.endNanos();
    Span span = exchange.span();
    longs[l + TRACE_HIGH] = span.traceIdHigh();
    longs[l + TRACE_LOW] = span.traceIdLow();
    longs[l + SPAN] = span.spanId();
    longs[l + PARENT] = span.parentSpanId();
    longs[l + DURATION] = exchange.durationNanos();
    longs[l + CONNECTION] = exchange.connection().id();
    longs[l + REQUEST_ID] = exchange.id();
    longs[l + STREAM] = exchange.streamId();
    longs[l + BYTES_IN] = exchange.bytesIn();
    longs[l + BYTES_OUT] = exchange.bytesOut();
    longs[l + FIRST_BYTE] = exchange.timeToFirstByteNanos();
    refs[r + METHOD] = bounded(exchange.method(), MAX_METHOD_CHARS);
    refs[r + PATH] = bounded(exchange.path(), MAX_NAME_CHARS);
    refs[r + ROUTE] = boundedOrNull(exchange.route(), MAX_NAME_CHARS);
    refs[r + VERSION] = bounded(exchange.httpVersion(), MAX_METHOD_CHARS);
    refs[r + ERROR] = exchange.error();
    refs[r + OUTCOME] = exchange.outcome();
  }

  private static void encodeRequest(
      Request request, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(REQUEST, 0, request.status, -1);
    request.encode(longs, l);
    longs[l + CONNECTION] = 0;
    longs[l + REQUEST_ID] = request.id;
    longs[l + STREAM] = 0;
    longs[l + BYTES_IN] = request.bytesIn;
    longs[l + BYTES_OUT] = request.bytesOut;
    longs[l + FIRST_BYTE] = -1;
    refs[r + METHOD] = bounded(request.method, MAX_METHOD_CHARS);
    refs[r + PATH] = bounded(request.path, MAX_NAME_CHARS);
    refs[r + ROUTE] = boundedOrNull(request.route, MAX_NAME_CHARS);
    refs[r + VERSION] = "";
    refs[r + ERROR] = request.error;
    refs[r + OUTCOME] = request.outcome;
  }

  private static void encodeExcluded(
      Span span, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(EXCLUDED, 0, 0, 0);
    longs[l + SPAN] = span.spanId();
  }

  private static void encodeFunction(
      Call call, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(FUNCTION, call.isError ? IS_ERROR : 0, 0, 0);
    call.encode(longs, l);
    longs[l + LOCAL_ROOT] = call.localRootSpanId;
    refs[r + NAME] = bounded(call.name, MAX_NAME_CHARS);
    refs[r + EXCEPTION] = call.exceptionType;
  }

  private static void encodeDatabase(
      Statement statement, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(DATABASE, statement.isError ? IS_ERROR : 0, 0, statement.batchSize);
    statement.encode(longs, l);
    longs[l + LOCAL_ROOT] = statement.localRootSpanId;
    longs[l + QUERY_HASH] = statement.queryHash;
    longs[l + ROWS] = statement.rows;
    refs[r + VENDOR] = bounded(statement.vendor, MAX_NAME_CHARS);
    refs[r + DB_NAME] = boundedOrNull(statement.database, MAX_NAME_CHARS);
    refs[r + OPERATION] = bounded(statement.operation, MAX_NAME_CHARS);
    refs[r + TARGET] = boundedOrNull(statement.target, MAX_NAME_CHARS);
    refs[r + QUERY] = boundedOrNull(statement.query, MAX_QUERY_CHARS);
    refs[r + ERROR_CODE] = boundedOrNull(statement.errorCode, MAX_METHOD_CHARS);
  }

  private static void encodeOpened(
      ConnectionState connection, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(OPENED, connection.isTls() ? IS_TLS : 0, 0, connection.workerId());
    longs[l + TIME] = connection.openedNanos();
    longs[l + ID] = connection.id();
    longs[l + CLIENT_PORT] = connection.clientPort();
    longs[l + SERVER_PORT] = connection.serverPort();
    refs[r + CLIENT_ADDRESS] = connection.clientAddress();
    refs[r + SERVER_ADDRESS] = connection.serverAddress();
    refs[r + PROTOCOL] = connection.protocol();
  }

  private static void encodeClosed(
      ConnectionState connection, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(CLOSED, 0, 0, connection.workerId());
    longs[l + TIME] = connection.closedNanos();
    longs[l + ID] = connection.id();
    longs[l + SERVED] = connection.requestsServed();
    longs[l + SENT] = connection.bodyBytesSent();
    longs[l + LIFETIME] = connection.closedNanos() - connection.openedNanos();
    refs[r + REASON] = connection.closeReason();
    refs[r + DETAIL] = connection.closeDetail();
  }

  private static long header(int kind, int flags, int status, int number) {
    return kind | (long) flags << 8 | (long) (status & 0xffff) << 16 | (long) number << 32;
  }

  static int kind(long header) {
    return (int) header & 0xff;
  }

  static boolean has(long header, int flag) {
    return ((int) header >>> 8 & flag) != 0;
  }

  static int status(long header) {
    return (int) header >>> 16 & 0xffff;
  }

  /** Worker of a request or a connection, batch size of a statement. */
  static int number(long header) {
    return (int) (header >> 32);
  }

  /** No text of a client makes a slot hold more than its share of memory. */
  static String bounded(String text, int maxChars) {
    if (text.length() <= maxChars) {
      return text;
    }
    boolean splitsPair = Character.isHighSurrogate(text.charAt(maxChars - 1));
    return text.substring(0, splitsPair ? maxChars - 1 : maxChars);
  }

  private static @Nullable String boundedOrNull(@Nullable String text, int maxChars) {
    return text == null ? null : bounded(text, maxChars);
  }

  /** Protocol of an opened connection. */
  static Protocol protocol(@Nullable Object ref) {
    return ref instanceof Protocol protocol ? protocol : Protocol.UNKNOWN;
  }
}
