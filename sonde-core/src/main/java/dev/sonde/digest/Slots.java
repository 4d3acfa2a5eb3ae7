// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.trace.Span;
import org.jspecify.annotations.Nullable;

/**
 * How a record lies in a slot of the ring: numbers as they are, texts by reference.
 *
 * <p>What can be left to the digest thread is: it gives out the ids of spans that nobody has asked
 * for, and cleans targets. It keeps a record as a row, which is a slot with those ids.
 */
final class Slots {
  /** Primitives per slot. */
  static final int LONGS = 8;

  /** Primitives per row. */
  static final int ROW_LONGS = 14;

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

  private static final int IS_TLS = 2;
  private static final int OUTCOME_SHIFT = 4;

  // Longs of every kind.
  static final int HEADER = 0;

  // Longs of all work.
  static final int DURATION = 1;

  // Longs of a request.
  static final int CONNECTION = 2;
  static final int REQUEST_ID = 3;
  static final int STREAM = 4;
  static final int BYTES_IN = 5;
  static final int BYTES_OUT = 6;
  static final int FIRST_BYTE = 7;

  // Longs of a statement.
  static final int ROWS = 2;

  // Longs of a connection.
  static final int ID = 1;
  static final int CLIENT_PORT = 2;
  static final int SERVER_PORT = 3;
  static final int SERVED = 2;
  static final int SENT = 3;
  static final int LIFETIME = 4;
  static final int CLOSE_TIME = 5;

  // Longs that a row has besides.
  static final int TRACE_HIGH = 8;
  static final int TRACE_LOW = 9;
  static final int SPAN_ID = 10;
  static final int PARENT = 11;
  static final int LOCAL_ROOT = 12;
  static final int TIME = 13;

  // References of all work.
  static final int SPAN = 0;

  // References of a request.
  static final int SHAPE = 1;
  static final int TARGET = 2;
  static final int ERROR = 3;

  // References of a call.
  static final int NAME = 1;
  static final int EXCEPTION = 2;

  // References of a statement, which has a shape too.
  static final int ERROR_CODE = 2;

  // References of a connection.
  static final int CLIENT_ADDRESS = 0;
  static final int SERVER_ADDRESS = 1;
  static final int PROTOCOL = 2;
  static final int REASON = 0;
  static final int DETAIL = 1;

  static final SlotEncoder<Exchange> EXCHANGE_ENCODER = Slots::encodeExchange;
  static final SlotEncoder<Request> REQUEST_ENCODER = Slots::encodeRequest;
  static final SlotEncoder<Call> FUNCTION_ENCODER = Slots::encodeFunction;
  static final SlotEncoder<Execution> DATABASE_ENCODER = Slots::encodeDatabase;
  static final SlotEncoder<ConnectionState> OPENED_ENCODER = Slots::encodeOpened;
  static final SlotEncoder<ConnectionState> CLOSED_ENCODER = Slots::encodeClosed;

  private static final Outcome[] OUTCOMES = Outcome.values();

  private Slots() {}

  /** A request that the application reports itself. */
  record Request(
      @Nullable Span span,
      Shapes.Request shape,
      String target,
      int status,
      Outcome outcome,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable Throwable error) {}

  /** A call of a function. */
  record Call(
      @Nullable Span span,
      boolean hasOwnSpan,
      String name,
      boolean isError,
      @Nullable String exceptionType,
      long durationNanos) {}

  /** An execution of a statement. */
  record Execution(
      @Nullable Span around,
      Shapes.Statement shape,
      long rows,
      long durationNanos,
      boolean isError,
      @Nullable String errorCode,
      int batchSize) {}

  private static void encodeExchange(
      Exchange exchange, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags =
        HAS_OWN_SPAN
            | (exchange.isCommitted() ? IS_COMMITTED : 0)
            | (exchange.hasResponse() ? HAS_RESPONSE : 0)
            | flagOf(exchange.outcome());
    longs[l + HEADER] = header(EXCHANGE, flags, exchange.status(), exchange.workerId());
    longs[l + DURATION] = exchange.durationNanos();
    longs[l + CONNECTION] = exchange.connection().id();
    longs[l + REQUEST_ID] = exchange.id();
    longs[l + STREAM] = exchange.streamId();
    longs[l + BYTES_IN] = exchange.bytesIn();
    longs[l + BYTES_OUT] = exchange.bytesOut();
    longs[l + FIRST_BYTE] = exchange.timeToFirstByteNanos();
    refs[r + SHAPE] = Shapes.request(exchange.method(), exchange.route(), exchange.httpVersion());
    refs[r + TARGET] = Shapes.boundedName(exchange.target());
    put(refs, r + SPAN, exchange.spanOrNull());
    put(refs, r + ERROR, exchange.error());
  }

  private static void encodeRequest(
      Request request, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags = HAS_OWN_SPAN | flagOf(request.outcome);
    longs[l + HEADER] = header(REQUEST, flags, request.status, -1);
    longs[l + DURATION] = request.durationNanos;
    longs[l + CONNECTION] = 0;
    longs[l + REQUEST_ID] = 0;
    longs[l + STREAM] = 0;
    longs[l + BYTES_IN] = request.bytesIn;
    longs[l + BYTES_OUT] = request.bytesOut;
    longs[l + FIRST_BYTE] = -1;
    refs[r + SHAPE] = request.shape;
    refs[r + TARGET] = Shapes.boundedName(request.target);
    put(refs, r + SPAN, request.span);
    put(refs, r + ERROR, request.error);
  }

  private static void encodeFunction(
      Call call, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags = (call.hasOwnSpan ? HAS_OWN_SPAN : 0) | (call.isError ? IS_ERROR : 0);
    longs[l + HEADER] = header(FUNCTION, flags, 0, 0);
    longs[l + DURATION] = call.durationNanos;
    refs[r + NAME] = Shapes.boundedName(call.name);
    put(refs, r + SPAN, call.span);
    put(refs, r + EXCEPTION, call.exceptionType);
  }

  private static void encodeDatabase(
      Execution execution, long[] longs, int l, @Nullable Object[] refs, int r) {
    int flags = execution.isError ? IS_ERROR : 0;
    longs[l + HEADER] = header(DATABASE, flags, 0, execution.batchSize);
    longs[l + DURATION] = execution.durationNanos;
    longs[l + ROWS] = execution.rows;
    refs[r + SHAPE] = execution.shape;
    put(refs, r + SPAN, execution.around);
    String code = execution.errorCode;
    put(refs, r + ERROR_CODE, code == null ? null : Shapes.boundedWord(code));
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
  }

  @SuppressWarnings("EnumOrdinal") // never outlives the process
  private static int flagOf(Outcome outcome) {
    return outcome.ordinal() << OUTCOME_SHIFT;
  }

  /** Leaves alone what is null already: references of a slot are cleared when it was read. */
  private static void put(@Nullable Object[] refs, int at, @Nullable Object ref) {
    if (ref != null) {
      refs[at] = ref;
    }
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

  static boolean isTls(long header) {
    return has(header, IS_TLS);
  }

  static Outcome outcome(long header) {
    return OUTCOMES[(int) header >>> (8 + OUTCOME_SHIFT) & 0xf];
  }

  static int status(long header) {
    return (int) header >>> 16 & 0xffff;
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
