// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.RequestIds;
import dev.sonde.capture.RequestPath;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.recent.RecordReader;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.GroupHandle;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceIds;
import org.jspecify.annotations.Nullable;

/** Makes events of the records that were copied from the ring; for one thread at a time. */
final class EventBuilder implements RecordReader {
  private final long[] longs;
  private final @Nullable Object[] refs;
  private final boolean keepsErrorMessages;
  private final boolean masksClientAddresses;
  private int l;
  private int r;

  /** Reads records from these arrays. */
  EventBuilder(
      long[] longs,
      @Nullable Object[] refs,
      boolean keepsErrorMessages,
      boolean masksClientAddresses) {
    this.longs = longs;
    this.refs = refs;
    this.keepsErrorMessages = keepsErrorMessages;
    this.masksClientAddresses = masksClientAddresses;
  }

  /** How rows lie in arrays, without one. */
  static EventBuilder layout(boolean keepsErrorMessages, boolean masksClientAddresses) {
    return new EventBuilder(
        new long[0], new @Nullable Object[0], keepsErrorMessages, masksClientAddresses);
  }

  @Override
  public EventBuilder over(long[] otherLongs, @Nullable Object[] otherRefs) {
    return new EventBuilder(otherLongs, otherRefs, keepsErrorMessages, masksClientAddresses);
  }

  @Override
  public int longs() {
    return Slots.ROW_LONGS;
  }

  @Override
  public int refs() {
    return Slots.REFS;
  }

  @Override
  public void select(int index) {
    l = index * Slots.ROW_LONGS;
    r = index * Slots.REFS;
  }

  @Override
  public void copyTo(long[] otherLongs, @Nullable Object[] otherRefs, int index) {
    System.arraycopy(longs, l, otherLongs, index * Slots.ROW_LONGS, Slots.ROW_LONGS);
    System.arraycopy(refs, r, otherRefs, index * Slots.REFS, Slots.REFS);
  }

  /** Adds to a row what its slot left to this thread: ids, and a path without parameters. */
  void complete() {
    int kind = kind();
    if (kind == Slots.OPENED || kind == Slots.CLOSED) {
      return;
    }
    if (kind == Slots.EXCHANGE || kind == Slots.REQUEST) {
      giveIds((Span) refs[r + Slots.SPAN]);
      refs[r + Slots.SPAN] = null;
    } else if (Slots.has(header(), Slots.HAS_SPAN)) {
      giveIds(
          get(Slots.GIVEN_HIGH),
          get(Slots.GIVEN_LOW),
          get(Slots.GIVEN_ID),
          get(Slots.GIVEN_PARENT),
          get(Slots.GIVEN_ROOT),
          Slots.has(header(), Slots.HAS_OWN_SPAN));
    } else {
      giveIdsOfRoot();
    }
    if (kind == Slots.EXCHANGE || kind == Slots.REQUEST) {
      String target = text(Slots.TARGET);
      String path = RequestPath.withoutParameters(target);
      if (path.length() != target.length()) {
        refs[r + Slots.TARGET] = path;
      }
    }
    if (kind == Slots.REQUEST) {
      set(Slots.REQUEST_ID, RequestIds.next());
    }
  }

  /** A request's, whose span is always its own. */
  private void giveIds(@Nullable Span span) {
    if (span != null) {
      giveIds(
          span.traceIdHigh(),
          span.traceIdLow(),
          span.spanId(),
          span.parentSpanId(),
          span.localRootSpanId(),
          /* isOwn= */ true);
    } else if (kind() == Slots.EXCHANGE) {
      // What Exchange.span() answers whoever asks from now on.
      long number = requestId();
      long own = TraceIds.spanIdOf(number);
      giveIds(TraceIds.traceIdHighOf(number), TraceIds.traceIdLowOf(number), own, 0, own, true);
    } else {
      giveIdsOfRoot();
    }
  }

  private void giveIdsOfRoot() {
    long own = TraceIds.nextSpanId();
    giveIds(TraceIds.nextTraceIdHigh(), TraceIds.nextTraceIdLow(), own, 0, own, true);
  }

  /** From a span that is the record's own, or the one around it. */
  private void giveIds(
      long traceHigh, long traceLow, long spanId, long parent, long localRoot, boolean isOwn) {
    long own = isOwn ? spanId : TraceIds.nextSpanId();
    set(Slots.SPAN_ID, own);
    set(Slots.TRACE_HIGH, traceHigh);
    set(Slots.TRACE_LOW, traceLow);
    set(Slots.PARENT, isOwn ? parent : spanId);
    set(Slots.LOCAL_ROOT, localRoot == 0 && !isOwn ? own : localRoot);
  }

  /** Whether it is one for the error ring, or might be. */
  boolean isFailure() {
    int kind = kind();
    if (kind == Slots.EXCHANGE || kind == Slots.REQUEST) {
      return outcome() != Outcome.COMPLETED
          || Slots.status(header()) >= 500
          || refs[r + Slots.ERROR] != null;
    }
    return Slots.has(header(), Slots.IS_ERROR);
  }

  /** What sampling says of a request. */
  double weightOfRequest(SamplingPolicy policy) {
    return policy.weightOf(
        text(Slots.TARGET),
        shape().route(),
        Slots.isFailed(header(), refs[r + Slots.ERROR]),
        stream(),
        get(Slots.DURATION),
        get(Slots.FIRST_BYTE),
        get(Slots.TRACE_HIGH),
        get(Slots.TRACE_LOW));
  }

  /** What sampling says of a call or a statement outside of any request. */
  double weightOfOrphan(SamplingPolicy policy) {
    return policy.weightOfOrphan(
        isFailure(), get(Slots.DURATION), get(Slots.TRACE_HIGH), get(Slots.TRACE_LOW));
  }

  /** Events that become of a request. */
  int events() {
    if (kind() != Slots.EXCHANGE) {
      return 1;
    }
    return Slots.has(header(), Slots.HAS_RESPONSE) || outcome().isClientAbort() ? 3 : 2;
  }

  /** Counts the row in the statistics; returns the group of a request that is not excluded. */
  @Nullable GroupHandle count(Tally tally) {
    return tally.count(get(Slots.TIME), longs, l, refs, r);
  }

  int kind() {
    return Slots.kind(header());
  }

  @Override
  public long localRootSpanId() {
    return get(Slots.LOCAL_ROOT);
  }

  @Override
  public long spanId() {
    return get(Slots.SPAN_ID);
  }

  @Override
  public long requestId() {
    return get(Slots.REQUEST_ID);
  }

  @Override
  public int workerId() {
    return Slots.number(header());
  }

  @Override
  public long streamId() {
    return Slots.streamId(get(Slots.STREAM));
  }

  @Override
  public String httpVersion() {
    return shape().httpVersion();
  }

  @Override
  public long timestampNanos() {
    return get(Slots.TIME);
  }

  @Override
  public long durationNanos() {
    return get(Slots.DURATION);
  }

  @Override
  public int textChars() {
    return switch (kind()) {
      case Slots.FUNCTION -> chars(name()) + chars(textOrNull(Slots.FAILURE));
      case Slots.DATABASE -> {
        Shapes.Statement shape = statementShape();
        yield chars(shape.vendor())
            + chars(shape.database())
            + chars(shape.operation())
            + chars(shape.target())
            + chars(shape.query())
            + chars(textOrNull(Slots.FAILURE));
      }
      default ->
          chars(shape().method())
              + chars(shape().route())
              + chars(shape().httpVersion())
              + chars(text(Slots.TARGET));
    };
  }

  private static int chars(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  @Override
  public @Nullable ErrorInfo error() {
    Object error = refs[r + Slots.ERROR];
    if (error instanceof Throwable thrown) {
      ErrorInfo info = ErrorInfo.of(thrown, keepsErrorMessages);
      refs[r + Slots.ERROR] = info;
      return info;
    }
    return (ErrorInfo) error;
  }

  @Override
  public void forgetStack() {
    ErrorInfo error = error();
    if (error != null) {
      refs[r + Slots.ERROR] = new ErrorInfo(error.type(), null, "");
    }
  }

  @Override
  public ProfileEvent part() {
    return kind() == Slots.FUNCTION ? function() : statement();
  }

  @Override
  public RequestEvent request(double weight) {
    return new RequestEvent(
        get(Slots.TIME),
        get(Slots.TRACE_HIGH),
        get(Slots.TRACE_LOW),
        get(Slots.SPAN_ID),
        get(Slots.PARENT),
        get(Slots.CONNECTION),
        get(Slots.REQUEST_ID),
        shape().method(),
        shape().route(),
        text(Slots.TARGET),
        Slots.status(header()),
        outcome(),
        get(Slots.DURATION),
        get(Slots.BYTES_IN),
        get(Slots.BYTES_OUT),
        error(),
        weight,
        get(Slots.FIRST_BYTE),
        blockedNanos(),
        stream());
  }

  private long blockedNanos() {
    return Slots.blockedNanos(get(Slots.STREAM));
  }

  private @Nullable StreamKind stream() {
    return Slots.streamKind(header());
  }

  RequestStarted started() {
    return new RequestStarted(
        get(Slots.CONNECTION),
        workerId(),
        requestId(),
        streamId(),
        shape().method(),
        text(Slots.TARGET),
        httpVersion(),
        get(Slots.TIME) - get(Slots.DURATION));
  }

  /** What the client saw of the end, or null if that is told by its connection's close alone. */
  @Nullable LifecycleEvent ended() {
    if (Slots.has(header(), Slots.HAS_RESPONSE)) {
      return new ResponseCompleted(
          get(Slots.CONNECTION),
          workerId(),
          requestId(),
          streamId(),
          Slots.status(header()),
          get(Slots.BYTES_OUT),
          get(Slots.DURATION),
          get(Slots.TIME),
          get(Slots.FIRST_BYTE),
          shape().route(),
          blockedNanos(),
          stream());
    }
    if (outcome().isClientAbort()) {
      return new ClientDisconnected(
          get(Slots.CONNECTION),
          workerId(),
          requestId(),
          streamId(),
          Slots.has(header(), Slots.IS_COMMITTED),
          get(Slots.BYTES_OUT),
          get(Slots.TIME),
          blockedNanos(),
          stream());
    }
    return null;
  }

  FunctionEvent function() {
    return new FunctionEvent(
        get(Slots.TIME),
        get(Slots.TRACE_HIGH),
        get(Slots.TRACE_LOW),
        get(Slots.SPAN_ID),
        get(Slots.PARENT),
        name(),
        get(Slots.DURATION),
        Slots.has(header(), Slots.IS_ERROR),
        textOrNull(Slots.FAILURE),
        1);
  }

  DatabaseEvent statement() {
    Shapes.Statement shape = statementShape();
    return new DatabaseEvent(
        get(Slots.TIME),
        get(Slots.TRACE_HIGH),
        get(Slots.TRACE_LOW),
        get(Slots.SPAN_ID),
        get(Slots.PARENT),
        shape.vendor(),
        shape.database(),
        shape.operation(),
        shape.target(),
        shape.query(),
        shape.queryHash(),
        get(Slots.ROWS),
        get(Slots.DURATION),
        Slots.has(header(), Slots.IS_ERROR),
        textOrNull(Slots.FAILURE),
        Slots.number(header()),
        1);
  }

  ConnectionOpened opened() {
    String client = text(Slots.CLIENT_ADDRESS);
    return new ConnectionOpened(
        get(Slots.ID),
        workerId(),
        masksClientAddresses ? masked(client) : client,
        (int) get(Slots.CLIENT_PORT),
        text(Slots.SERVER_ADDRESS),
        (int) get(Slots.SERVER_PORT),
        Slots.protocol(refs[r + Slots.PROTOCOL]),
        get(Slots.TIME),
        Slots.isTls(header()));
  }

  ConnectionClosed closed() {
    return new ConnectionClosed(
        get(Slots.ID),
        workerId(),
        get(Slots.SERVED),
        get(Slots.SENT),
        get(Slots.LIFETIME),
        (CloseReason) requireNonNull(refs[r + Slots.REASON]),
        textOrNull(Slots.DETAIL),
        get(Slots.CLOSE_TIME));
  }

  private long header() {
    return longs[l + Slots.HEADER];
  }

  private long get(int field) {
    return longs[l + field];
  }

  private void set(int field, long value) {
    longs[l + field] = value;
  }

  private Shapes.Request shape() {
    return Shapes.request(get(Slots.SHAPE_NUMBER), refs[r + Slots.SHAPE]);
  }

  private Shapes.Statement statementShape() {
    return Shapes.statement(get(Slots.SHAPE_NUMBER), refs[r + Slots.SHAPE]);
  }

  private String name() {
    return Shapes.name(get(Slots.SHAPE_NUMBER), refs[r + Slots.SHAPE]).text();
  }

  private String text(int field) {
    return (String) requireNonNull(refs[r + field]);
  }

  private @Nullable String textOrNull(int field) {
    return (String) refs[r + field];
  }

  private Outcome outcome() {
    return Slots.outcome(header());
  }

  static ProfileEvent weighted(ProfileEvent event, double weight) {
    if (weight == event.weight()) {
      return event;
    }
    if (event instanceof RequestEvent e) {
      return copy(e, e.error(), weight);
    }
    if (event instanceof FunctionEvent e) {
      return new FunctionEvent(
          e.timestampNanos(),
          e.traceIdHigh(),
          e.traceIdLow(),
          e.spanId(),
          e.parentSpanId(),
          e.function(),
          e.durationNanos(),
          e.isError(),
          e.exceptionType(),
          weight);
    }
    DatabaseEvent e = (DatabaseEvent) event;
    return new DatabaseEvent(
        e.timestampNanos(),
        e.traceIdHigh(),
        e.traceIdLow(),
        e.spanId(),
        e.parentSpanId(),
        e.vendor(),
        e.database(),
        e.operation(),
        e.target(),
        e.query(),
        e.queryHash(),
        e.rows(),
        e.durationNanos(),
        e.isError(),
        e.errorCode(),
        e.batchSize(),
        weight);
  }

  private static RequestEvent copy(RequestEvent e, @Nullable ErrorInfo error, double weight) {
    return new RequestEvent(
        e.timestampNanos(),
        e.traceIdHigh(),
        e.traceIdLow(),
        e.spanId(),
        e.parentSpanId(),
        e.connectionId(),
        e.requestId(),
        e.method(),
        e.route(),
        e.path(),
        e.status(),
        e.outcome(),
        e.durationNanos(),
        e.bytesIn(),
        e.bytesOut(),
        error,
        weight,
        e.timeToFirstByteNanos(),
        e.blockedNanos(),
        e.stream());
  }

  /** The network of an address: /24 of IPv4, /48 of IPv6. */
  static String masked(String address) {
    int lastDot = address.lastIndexOf('.');
    if (lastDot >= 0 && address.indexOf(':') < 0) {
      return address.substring(0, lastDot) + ".0";
    }
    int groups = 0;
    for (int i = 0; i < address.length(); i++) {
      if (address.charAt(i) == ':') {
        groups++;
        boolean isGap = i + 1 < address.length() && address.charAt(i + 1) == ':';
        if (groups == 3 || isGap) {
          return address.substring(0, i) + "::";
        }
      }
    }
    return address;
  }
}
