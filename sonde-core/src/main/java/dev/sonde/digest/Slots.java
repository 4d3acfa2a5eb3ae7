// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Upgrade;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceIds;
import org.jspecify.annotations.Nullable;

/**
 * How a record lies in a slot of the ring: numbers as they are, texts by the number of their {@link
 * Shapes shape} or by reference.
 *
 * <p>What can be left to the digest thread is: it gives out the ids of spans that nobody has asked
 * for, and cleans targets. It keeps a record as a row, which is a slot with those ids.
 */
final class Slots {
  /** Primitives per slot. */
  static final int LONGS = 9;

  /** Primitives per row. */
  static final int ROW_LONGS = 15;

  /** References per slot and row. */
  static final int REFS = 4;

  // Kinds, in the lowest byte of the header.
  static final int EXCHANGE = 1;
  static final int REQUEST = 2;
  static final int FUNCTION = 3;
  static final int DATABASE = 4;
  static final int OPENED = 5;
  static final int CLOSED = 6;

  // Flags, in the second byte of the header; the outcome of a request is in its upper half.
  static final int IS_ERROR = 1;
  static final int IS_COMMITTED = 2;
  static final int HAS_RESPONSE = 4;

  /** The span given is the record's own; otherwise it is the one around it. */
  static final int HAS_OWN_SPAN = 8;

  /** A call or a statement has a span given. */
  static final int HAS_SPAN = 2;

  private static final int IS_TLS = 2;
  private static final int OUTCOME_SHIFT = 4;
  private static final int FLAGS_SHIFT = 8;

  /** Of a status; above it is the kind of stream that a request is, or 0. */
  private static final int STATUS_MASK = 0xfff;

  private static final int KIND_SHIFT = 12;

  /** Of the HTTP/2 stream; above it are the microseconds that were blocked and 1, or 0. */
  private static final long STREAM_MASK = 0x7fff_ffff;

  private static final int BLOCKED_SHIFT = 31;
  private static final long MAX_BLOCKED_MICROS = (1L << (Long.SIZE - BLOCKED_SHIFT)) - 2;

  // Longs of every kind.
  static final int HEADER = 0;

  // Longs of all work.
  static final int DURATION = 1;

  /** Number of the shape, or 0: then it is among the references. */
  static final int SHAPE_NUMBER = 2;

  // Longs of a request.
  static final int CONNECTION = 3;
  static final int REQUEST_ID = 4;
  static final int STREAM = 5;
  static final int BYTES_IN = 6;
  static final int BYTES_OUT = 7;
  static final int FIRST_BYTE = 8;

  // Longs of a statement.
  static final int ROWS = 3;

  // Longs of a call and a statement that have a span given.
  static final int GIVEN_HIGH = 4;
  static final int GIVEN_LOW = 5;
  static final int GIVEN_ID = 6;
  static final int GIVEN_PARENT = 7;
  static final int GIVEN_ROOT = 8;

  // Longs of a connection.
  static final int ID = 1;
  static final int CLIENT_PORT = 2;
  static final int SERVER_PORT = 3;
  static final int SERVED = 2;
  static final int SENT = 3;
  static final int LIFETIME = 4;
  static final int CLOSE_TIME = 5;

  /** How long the connection was a stream, or -1. */
  static final int STREAM_LIFETIME = 6;

  static final int STREAM_FIRST_BYTE = 7;

  // Longs that a row has besides.
  static final int TRACE_HIGH = 9;
  static final int TRACE_LOW = 10;
  static final int SPAN_ID = 11;
  static final int PARENT = 12;
  static final int LOCAL_ROOT = 13;
  static final int TIME = 14;

  /** Reference of all work, null if the shape has a number. */
  static final int SHAPE = 0;

  // References of a request.
  static final int SPAN = 1;
  static final int TARGET = 2;
  static final int ERROR = 3;

  /** Reference of a call, its exception's type, and of a statement, its error's code. */
  static final int FAILURE = 1;

  // References of a connection.
  static final int CLIENT_ADDRESS = 0;
  static final int SERVER_ADDRESS = 1;
  static final int PROTOCOL = 2;
  static final int REASON = 0;
  static final int DETAIL = 1;

  /** The request by which the connection became a stream. */
  static final int UPGRADE = 2;

  static final SlotEncoder<Exchange> EXCHANGE_ENCODER = Slots::encodeExchange;
  static final SlotEncoder<ConnectionState> OPENED_ENCODER = Slots::encodeOpened;
  static final SlotEncoder<ConnectionState> CLOSED_ENCODER = Slots::encodeClosed;

  private static final Outcome[] OUTCOMES = Outcome.values();
  private static final StreamKind[] STREAM_KINDS = StreamKind.values();

  private Slots() {}

  private static void encodeExchange(
      Exchange exchange, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags =
        HAS_OWN_SPAN
            | (exchange.isCommitted() ? IS_COMMITTED : 0)
            | (exchange.hasResponse() ? HAS_RESPONSE : 0)
            | flagOf(exchange.outcome());
    int status = statusOrNone(exchange.status()) | numberOf(exchange.stream()) << KIND_SHIFT;
    longs[l + HEADER] = header(EXCHANGE, flags, status, exchange.workerId());
    longs[l + DURATION] = exchange.durationNanos();
    longs[l + CONNECTION] = exchange.connection().id();
    longs[l + REQUEST_ID] = exchange.id();
    longs[l + STREAM] = streamAndBlocked(exchange.streamId(), exchange.blockedNanos());
    longs[l + BYTES_IN] = exchange.bytesIn();
    longs[l + BYTES_OUT] = exchange.bytesOut();
    longs[l + FIRST_BYTE] = exchange.timeToFirstByteNanos();
    Shapes.Request shape = shapeOf(exchange);
    putShape(longs, l, shape.number(), refs, r, shape);
    refs[r + TARGET] = Shapes.boundedName(exchange.target());
    Span span = exchange.spanOrNull();
    if (span != null
        && (span.parentSpanId() != 0 || span.spanId() != TraceIds.spanIdOf(exchange.id()))) {
      // It continues a caller's trace, or was begun elsewhere. Any other span follows from the
      // number of its request.
      refs[r + SPAN] = span;
    }
    put(refs, r + ERROR, exchange.error());
  }

  /** Mostly that of the last request of the connection. */
  private static Shapes.Request shapeOf(Exchange exchange) {
    String method = exchange.method();
    String route = exchange.route();
    String httpVersion = exchange.httpVersion();
    if (exchange.memo() instanceof Shapes.Request last
        && last.matches(method, route, httpVersion)) {
      return last;
    }
    Shapes.Request shape = Shapes.request(method, route, httpVersion);
    if (shape.number() != Shapes.NONE) {
      exchange.keepMemo(shape);
    }
    return shape;
  }

  /**
   * A request that the application reports itself.
   *
   * @param header see {@link #ofRequest}
   */
  static void putRequest(
      long[] longs,
      int l,
      @Nullable Object[] refs,
      int r,
      long header,
      @Nullable Span span,
      Shapes.Request shape,
      String target,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable Throwable error) {
    longs[l + HEADER] = header;
    longs[l + DURATION] = durationNanos;
    longs[l + CONNECTION] = 0;
    longs[l + REQUEST_ID] = 0;
    longs[l + STREAM] = 0;
    longs[l + BYTES_IN] = bytesIn;
    longs[l + BYTES_OUT] = bytesOut;
    longs[l + FIRST_BYTE] = -1;
    putShape(longs, l, shape.number(), refs, r, shape);
    refs[r + TARGET] = target;
    put(refs, r + SPAN, span);
    put(refs, r + ERROR, error);
  }

  /**
   * A call or a statement.
   *
   * @param header without what the span adds, see {@link #ofCall} and {@link #ofStatement}
   * @param rows of a statement, 0 of a call
   * @param failure type of a call's exception or code of a statement's error, or null
   */
  static void putPart(
      long[] longs,
      int l,
      @Nullable Object[] refs,
      int r,
      long header,
      @Nullable Span span,
      int number,
      Object shape,
      long rows,
      long durationNanos,
      @Nullable String failure) {
    longs[l + HEADER] = header | (long) putSpan(longs, l, span) << FLAGS_SHIFT;
    longs[l + DURATION] = durationNanos;
    longs[l + ROWS] = rows;
    putShape(longs, l, number, refs, r, shape);
    put(refs, r + FAILURE, failure);
  }

  /** Header of a request that the application reports itself. */
  static long ofRequest(int status, Outcome outcome) {
    return header(REQUEST, HAS_OWN_SPAN | flagOf(outcome), statusOrNone(status), -1);
  }

  /** Header of a call. */
  static long ofCall(boolean isError, boolean hasOwnSpan) {
    return header(FUNCTION, (hasOwnSpan ? HAS_OWN_SPAN : 0) | (isError ? IS_ERROR : 0), 0, 0);
  }

  /** Header of a statement. */
  static long ofStatement(boolean isError, int batchSize) {
    return header(DATABASE, isError ? IS_ERROR : 0, 0, batchSize);
  }

  private static void encodeOpened(
      ConnectionState connection, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l + HEADER] = header(OPENED, connection.isTls() ? IS_TLS : 0, 0, connection.workerId());
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
    longs[l + ID] = connection.id();
    longs[l + SERVED] = connection.requestsServed();
    longs[l + SENT] = connection.bodyBytesSent();
    longs[l + LIFETIME] = connection.closedNanos() - connection.openedNanos();
    longs[l + CLOSE_TIME] = connection.closedNanos();
    refs[r + REASON] = connection.closeReason();
    put(refs, r + DETAIL, connection.closeDetail());
    Upgrade upgrade = connection.upgrade();
    if (upgrade == null || upgrade.isExcluded()) {
      longs[l + STREAM_LIFETIME] = -1;
      return;
    }
    longs[l + STREAM_LIFETIME] = connection.closedNanos() - upgrade.upgradedNanos();
    longs[l + STREAM_FIRST_BYTE] = upgrade.upgradedNanos() - upgrade.startNanos();
    refs[r + UPGRADE] = upgrade;
  }

  /** A status that there is no room for would come out as another one. */
  private static int statusOrNone(int status) {
    return status < 0 || status > STATUS_MASK ? 0 : status;
  }

  @SuppressWarnings("EnumOrdinal") // never outlives the process
  private static int numberOf(@Nullable StreamKind kind) {
    return kind == null ? 0 : 1 + kind.ordinal();
  }

  private static long streamAndBlocked(long streamId, long blockedNanos) {
    long blocked = blockedNanos < 0 ? 0 : 1 + Math.min(blockedNanos / 1_000, MAX_BLOCKED_MICROS);
    return blocked << BLOCKED_SHIFT | (streamId & STREAM_MASK);
  }

  @SuppressWarnings("EnumOrdinal") // never outlives the process
  private static int flagOf(Outcome outcome) {
    return outcome.ordinal() << OUTCOME_SHIFT;
  }

  private static void putShape(
      long[] longs, int l, int number, @Nullable Object[] refs, int r, Object shape) {
    longs[l + SHAPE_NUMBER] = number;
    if (number == Shapes.NONE) {
      refs[r + SHAPE] = shape;
    }
  }

  /** By its numbers: a reference would cost more than all of them. */
  private static int putSpan(long[] longs, int l, @Nullable Span span) {
    if (span == null) {
      return 0;
    }
    longs[l + GIVEN_HIGH] = span.traceIdHigh();
    longs[l + GIVEN_LOW] = span.traceIdLow();
    longs[l + GIVEN_ID] = span.spanId();
    longs[l + GIVEN_PARENT] = span.parentSpanId();
    longs[l + GIVEN_ROOT] = span.localRootSpanId();
    return HAS_SPAN;
  }

  /** Leaves alone what is null already: references of a slot are cleared when it was read. */
  private static void put(@Nullable Object[] refs, int at, @Nullable Object ref) {
    if (ref != null) {
      refs[at] = ref;
    }
  }

  private static long header(int kind, int flags, int status, int number) {
    return kind
        | (long) flags << FLAGS_SHIFT
        | (long) (status & 0xffff) << 16
        | (long) number << 32;
  }

  static int kind(long header) {
    return (int) header & 0xff;
  }

  static boolean has(long header, int flag) {
    return ((int) header >>> 8 & flag) != 0;
  }

  static boolean isTls(long header) {
    return has(header, IS_TLS);
  }

  static Outcome outcome(long header) {
    return OUTCOMES[(int) header >>> (8 + OUTCOME_SHIFT) & 0xf];
  }

  /** Whether the server failed; as {@link RequestEvent#isError()} has it. */
  static boolean isFailed(long header, @Nullable Object error) {
    Outcome outcome = outcome(header);
    return status(header) >= 500
        || error != null
        || outcome == Outcome.APP_ERROR
        || outcome == Outcome.SERVER_TIMEOUT;
  }

  static int status(long header) {
    return (int) header >>> 16 & STATUS_MASK;
  }

  /** Of a request: what kind of stream it is, or null. */
  static @Nullable StreamKind streamKind(long header) {
    int number = (int) header >>> (16 + KIND_SHIFT);
    return number == 0 ? null : STREAM_KINDS[number - 1];
  }

  /** Of the long that has both: the HTTP/2 stream. */
  static long streamId(long streamAndBlocked) {
    return streamAndBlocked & STREAM_MASK;
  }

  /**
   * Of the long that has both: whole microseconds in which the response waited for its client, in
   * nanoseconds and up to two hours, or -1.
   */
  static long blockedNanos(long streamAndBlocked) {
    long blocked = streamAndBlocked >>> BLOCKED_SHIFT;
    return blocked == 0 ? -1 : (blocked - 1) * 1_000;
  }

  /** Worker of a request or a connection, batch size of a statement. */
  static int number(long header) {
    return (int) (header >> 32);
  }

  /** Protocol of an opened connection. */
  static Protocol protocol(@Nullable Object ref) {
    return ref instanceof Protocol protocol ? protocol : Protocol.UNKNOWN;
  }
}
