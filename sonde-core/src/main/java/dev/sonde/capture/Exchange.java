// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.trace.Span;
import dev.sonde.trace.SpanSource;
import dev.sonde.trace.TraceContext;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response, from the parsed head to the last byte.
 *
 * <p>It ends once: the first of {@link #completed}, {@link #aborted}, {@link #upgraded} and the
 * close of its connection wins, later ones are counted and ignored, as long as it is not
 * {@linkplain #release() released}. Those may come from any thread; all other reports come one at a
 * time, and what is reported before the end must happen-before it. No method throws.
 */
public final class Exchange extends Padding implements SpanSource {
  /*
   * A request is one of two sorts. The only one on its connection at its time (`isAlone`) goes
   * OPEN, ENDING, ENDED, where ENDING is while its end is handed on. One among others (HTTP/2
   * streams, pipelined requests) is NEW while its start is handed on, CUT if its connection closed
   * then, and goes from OPEN to ENDED at once.
   */
  private static final int NEW = 0;
  private static final int OPEN = 1;
  private static final int CUT = 2;
  private static final int ENDING = 3;
  private static final int ENDED = 4;

  private static final VarHandle STATE;
  private static final VarHandle SPAN;
  private static final VarHandle COMMITTED;
  private static final VarHandle BYTES_IN;
  private static final VarHandle BYTES_OUT;
  private static final VarHandle ANNOUNCED;
  private static final VarHandle STREAM;
  private static final VarHandle RELEASED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(Exchange.class, "state", int.class);
      SPAN = lookup.findVarHandle(Exchange.class, "span", Span.class);
      COMMITTED = lookup.findVarHandle(Exchange.class, "committed", boolean.class);
      BYTES_IN = lookup.findVarHandle(Exchange.class, "bytesIn", long.class);
      BYTES_OUT = lookup.findVarHandle(Exchange.class, "bytesOut", long.class);
      ANNOUNCED = lookup.findVarHandle(Exchange.class, "announced", long.class);
      STREAM = lookup.findVarHandle(Exchange.class, "stream", StreamKind.class);
      RELEASED = lookup.findVarHandle(Exchange.class, "isReleased", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ConnectionState connection;
  private final boolean isAlone;

  private volatile int state;
  private volatile @Nullable Object attachment;
  private volatile @Nullable Span span;

  /** The outlet's own. */
  private @Nullable Object memo;

  // Written before it is OPEN.
  private long id;
  private int workerId;
  private long streamId;
  private String method = "";
  private String target = "";
  private String httpVersion = "";
  private long startNanos;

  /** Of its connection when it began; what it has at the end besides is the request's own. */
  private long blockedBefore;

  private boolean excluded;

  // Written one at a time; the close of the connection may read them meanwhile.
  private boolean committed;
  private boolean isHeadUntimed;
  private long bytesIn;

  @SuppressWarnings("UnusedVariable") // by name
  private long bytesOut;

  /** Body bytes that the response promises, of an HTTP/2 stream; 0 if it does not say. */
  @SuppressWarnings("UnusedVariable") // by name
  private long announced;

  private @Nullable StreamKind stream;
  private @Nullable String route;
  private boolean hasRoute;
  private @Nullable Throwable error;

  // Written before the end is handed on, read by the outlet.
  private int status;
  private long firstByteNanos;
  private long endNanos;
  private long blockedNanos;
  private Outcome outcome = Outcome.COMPLETED;

  /** Whether its end has to let its connection go, which was closed meanwhile. */
  private boolean settlesConnection;

  /** The adapter touches it no more; tells the next head that all of it can be written to. */
  @SuppressWarnings("UnusedVariable") // by name
  private boolean isReleased;

  // Written by the closing thread before it raises CUT.
  private Outcome cutOutcome = Outcome.COMPLETED;
  private long cutNanos;

  Exchange(ConnectionState connection, boolean isAlone) {
    this.connection = connection;
    this.isAlone = isAlone;
  }

  /** Takes the head of a request; nobody else knows of it yet, or not any more. */
  void head(
      long id,
      int workerId,
      long streamId,
      String method,
      String target,
      String httpVersion,
      long startNanos) {
    VarHandle.storeStoreFence();
    this.id = id;
    if (span != null) {
      span = null;
    }
    this.workerId = workerId;
    this.streamId = streamId;
    // Compared first: a reference stored in an old object costs the collector's barrier a fence.
    if (!this.method.equals(method)) {
      this.method = method;
    }
    if (!this.target.equals(target)) {
      this.target = target;
    }
    if (!this.httpVersion.equals(httpVersion)) {
      this.httpVersion = httpVersion;
    }
    this.startNanos = startNanos;
    blockedBefore = connection.blockedNanos(startNanos);
    isReleased = false;
  }

  /**
   * Continues the caller's trace; without it the request begins a trace of its own.
   *
   * <p>Counts only before the first call of {@link #span()}. An invalid header is ignored, as the
   * W3C Trace Context recommendation asks (section 4.3).
   */
  public void trace(@Nullable CharSequence traceparent, @Nullable String tracestate) {
    Span caller = Span.fromTraceparent(traceparent, tracestate);
    if (caller != null) {
      Span own = excluded ? caller.child().suppressed() : caller.child();
      SPAN.compareAndSet(this, null, own);
    }
  }

  /**
   * Takes over the span that a tracing library of the application has begun for this request.
   *
   * <p>Counts only before {@link #trace(CharSequence, String)} and the first call of {@link
   * #span()}.
   *
   * @param own its own span, its own {@linkplain Span#localRootSpanId() local root}
   */
  public void trace(Span own) {
    Span taken = excluded ? own.suppressed() : own;
    SPAN.compareAndSet(this, null, taken);
  }

  /** The template that matched, such as {@code /users/{id}}; null leaves it as it is. */
  public void route(@Nullable String template) {
    if (template == null) {
      return;
    }
    if (!template.equals(route)) {
      route = template;
    }
    hasRoute = true;
  }

  /**
   * The content type of the response that is being sent, which tells an event stream; before its
   * head is reported.
   */
  public void contentType(@Nullable CharSequence contentType) {
    StreamKind told = StreamKind.ofContentType(contentType);
    if (told != null && isOpen()) {
      stream(told);
    }
  }

  /** It is a stream, and so its duration is none of a request; the last word counts. */
  public void stream(StreamKind kind) {
    STREAM.setOpaque(this, kind);
  }

  /**
   * The response will have so many body bytes, as its {@code Content-Length} says. At the latest
   * when they are all {@linkplain #sent sent}.
   *
   * <p>Many a client of HTTP/2 leaves as soon as it has them, and does not wait for the frame that
   * ends the stream. So a response of which they are all sent is complete when its client leaves.
   * On HTTP/1 the last of them is the end, and this is ignored.
   *
   * @param bodyBytes that will be sent: not positive if there is no body, or its length is unknown
   */
  public void announced(long bodyBytes) {
    if (streamId != 0 && bodyBytes > 0) {
      ANNOUNCED.setRelease(this, bodyBytes);
    }
  }

  /** The response head was sent; an interim one (1xx) does not count. */
  public void committed(int status, long nanos) {
    if (!committed && isOpen()) {
      this.status = status;
      firstByteNanos = connection.advance(nanos);
      COMMITTED.setRelease(this, true);
    }
  }

  /**
   * The response head is being sent by the same write as the last of the body; both times are then
   * that of the end.
   */
  public void committedWithEnd(int status) {
    if (!committed && isOpen()) {
      this.status = status;
      isHeadUntimed = true;
      COMMITTED.setRelease(this, true);
    }
  }

  /** Adds body bytes that were received. */
  public void bytesIn(long bytes) {
    if (bytes != 0) {
      BYTES_IN.setOpaque(this, bytesIn + bytes);
    }
  }

  /**
   * Body bytes handed to the socket so far, in all; counts if the connection closes before the end
   * is reported.
   */
  public void sent(long bodyBytes) {
    if (isOpen()) {
      BYTES_OUT.setOpaque(this, bodyBytes);
    }
  }

  /** The application threw; the first exception is kept, and the request goes on to its end. */
  public void failed(Throwable thrown) {
    if (error == null && isOpen()) {
      error = thrown;
    }
  }

  /**
   * The last byte of the response was handed to the socket.
   *
   * @param bodyBytes body bytes sent, after content encoding, without framing
   */
  public void completed(int status, long bodyBytes, long nanos) {
    if (claim()) {
      end(status, bodyBytes, Outcome.COMPLETED, nanos);
    }
  }

  /**
   * The response will not be completed. If its client has left with all that was {@linkplain
   * #announced announced}, it is complete.
   *
   * @param cause what went wrong, or null; kept as the application's failure if it is one
   * @param bodyBytes body bytes that were sent
   */
  public void aborted(AbortKind kind, @Nullable Throwable cause, long bodyBytes, long nanos) {
    if (!claim()) {
      return;
    }
    if (kind.isByClient() && isWhole(bodyBytes)) {
      end(status, bodyBytes, Outcome.COMPLETED, nanos);
      return;
    }
    if (kind == AbortKind.HANDLER_FAILED && cause != null && error == null) {
      error = cause;
    }
    if (streamId == 0 || kind.endsConnection()) {
      connection.hint(kind.hint());
    }
    end(status, bodyBytes, outcomeOf(kind), nanos);
  }

  /** The connection changes its protocol: the request is completed, the connection goes on. */
  public void upgraded(Protocol protocol, int status, long nanos) {
    if (claim()) {
      connection.protocol(protocol, null, nanos);
      StreamKind kind = StreamKind.ofUpgrade(protocol);
      if (kind != null) {
        stream = kind;
        if (connection.listener().seesWebSockets()) {
          connection.upgraded(
              new Upgrade(kind, method, target, httpVersion, route(), excluded, startNanos, nanos));
        }
      }
      end(status, 0, Outcome.COMPLETED, nanos);
    }
  }

  /**
   * The adapter touches it no more, so its connection may use it for the next request.
   *
   * <p>Call it last, after the end, once, from any thread. If the next head of the connection has
   * been reported by then, or is being reported, that request is a new object; so it is if this is
   * never called, by an adapter that may still be called about this request.
   */
  public void release() {
    if (!isAlone || state != ENDED) {
      return;
    }
    excluded = false;
    settlesConnection = false;
    committed = false;
    isHeadUntimed = false;
    hasRoute = false;
    if (stream != null) {
      stream = null;
    }
    bytesIn = 0;
    bytesOut = 0;
    status = 0;
    attach(null);
    if (span != null) {
      span = null;
    }
    if (error != null) {
      error = null;
    }
    RELEASED.setRelease(this, true);
  }

  /** An object of the adapter's own. */
  public void attach(@Nullable Object attachment) {
    if (this.attachment != attachment) {
      this.attachment = attachment;
    }
  }

  /** What was {@linkplain #attach attached}, or null. */
  public @Nullable Object attachment() {
    return attachment;
  }

  /**
   * What the outlet has kept here of an earlier request of this object, or null; for the outlet,
   * while it is told of an end.
   */
  public @Nullable Object memo() {
    return memo;
  }

  /** Keeps an object of the outlet for later requests. */
  public void keepMemo(Object memo) {
    this.memo = memo;
  }

  /** The request's span, to be made current while the application works on it. */
  @Override
  public Span span() {
    Span known = span;
    if (known != null) {
      return known;
    }
    Span own = Span.rootOf(id);
    Span root = excluded ? own.suppressed() : own;
    Span raced = (Span) SPAN.compareAndExchange(this, null, root);
    return raced == null ? root : raced;
  }

  /**
   * Makes the span current on this thread until the scope is closed; returns null if that fails,
   * which is counted: what the application does is then told without its request.
   */
  public TraceContext.@Nullable Scope enter() {
    try {
      return TraceContext.use(this);
    } catch (Throwable t) {
      connection.listener().fault(t);
      return null;
    }
  }

  /** Its span if anybody has asked for it, or null: then it is not known to anybody. */
  public @Nullable Span spanOrNull() {
    return span;
  }

  /**
   * Leaves out what happens within it, by a {@linkplain Span#suppressed() suppressed} span; only
   * for an outlet that is told of its start.
   */
  public void exclude() {
    excluded = true;
  }

  /** Whether it was {@linkplain #exclude() left out} when it began. */
  @Override
  public boolean isSuppressed() {
    return excluded;
  }

  /** The connection that it came on. */
  public ConnectionState connection() {
    return connection;
  }

  /** Number of the request, unique within this process and increasing on its connection. */
  public long id() {
    return id;
  }

  /** Index of the event loop or worker that parsed its head, or -1 if unknown. */
  public int workerId() {
    return workerId;
  }

  /** HTTP/2 stream, 0 on HTTP/1. */
  public long streamId() {
    return streamId;
  }

  /** HTTP method as sent, {@code "-"} of a malformed head. */
  public String method() {
    return method;
  }

  /** Path as received, without the query string, {@code "-"} of a malformed head. */
  public String path() {
    return RequestPath.withoutParameters(target);
  }

  /**
   * What the adapter gave as its path, perhaps with a query string, which is never to be shown; to
   * be cleaned by {@link RequestPath} on a thread that has the time.
   */
  public String target() {
    return target;
  }

  /** Such as {@code HTTP/1.1}. */
  public String httpVersion() {
    return httpVersion;
  }

  /** When its head was parsed. */
  public long startNanos() {
    return startNanos;
  }

  /** Nanoseconds from the parsed head to the sent response head, or -1 if none was sent. */
  public long timeToFirstByteNanos() {
    return isCommitted() && !(isHeadUntimed && isOpen()) ? firstByteNanos - startNanos : -1;
  }

  /**
   * Nanoseconds of {@link #durationNanos()} in which bytes of the response waited because the
   * client took no more, or -1 if the server does not let it be known; known at its end.
   */
  public long blockedNanos() {
    return blockedNanos;
  }

  /** What kind of stream it is as far as known, or null; may be read by any thread. */
  public @Nullable StreamKind stream() {
    return (StreamKind) STREAM.getOpaque(this);
  }

  /** Whether it has not ended yet. */
  public boolean isOpen() {
    return state <= CUT;
  }

  /** Whether the response head was sent. */
  public boolean isCommitted() {
    return (boolean) COMMITTED.getAcquire(this);
  }

  /** Its start, or null if it is over; unlike all else here it may be read by any thread. */
  public @Nullable RequestStarted startIfOpen() {
    // The same object may become the next request meanwhile: then its state is ENDED before all
    // else changes, and its number is another one before it is OPEN again.
    long before = id;
    VarHandle.loadLoadFence();
    if (!isOpen()) {
      return null;
    }
    RequestStarted start =
        new RequestStarted(
            connection.id(), workerId, before, streamId, method, path(), httpVersion, startNanos);
    VarHandle.loadLoadFence();
    return isOpen() && id == before ? start : null;
  }

  /** The template that matched, or null. */
  public @Nullable String route() {
    return hasRoute ? route : null;
  }

  /** What the application threw, or null. */
  public @Nullable Throwable error() {
    return error;
  }

  /** Body bytes received so far. */
  public long bytesIn() {
    return (long) BYTES_IN.getOpaque(this);
  }

  /** Body bytes sent; known at its end. */
  public long bytesOut() {
    return (long) BYTES_OUT.getOpaque(this);
  }

  /** HTTP status code, or 0 if none was sent; known at its end. */
  public int status() {
    return status;
  }

  /** When it ended; known at its end. */
  public long endNanos() {
    return endNanos;
  }

  /** Nanoseconds from the parsed head to the end; known at its end. */
  public long durationNanos() {
    return endNanos - startNanos;
  }

  /** How it ended; known at its end. */
  public Outcome outcome() {
    return outcome;
  }

  /** Whether a response went out as a whole: a {@code ResponseCompleted}; known at its end. */
  public boolean hasResponse() {
    return status != 0 && (outcome == Outcome.COMPLETED || outcome == Outcome.REJECTED);
  }

  @Override
  public String toString() {
    return "request " + id + " " + method + " " + path();
  }

  /** Whether it is over and nobody will ask for it. */
  boolean isReusable() {
    return (boolean) RELEASED.getAcquire(this);
  }

  /** Whether neither its end is reported nor what follows from that is done. */
  boolean isInUse() {
    return state != ENDED;
  }

  /** Whether its end is being handed on. */
  boolean isEnding() {
    return state == ENDING;
  }

  /** From now on the close of its connection finds it. */
  void openAlone() {
    STATE.setRelease(this, OPEN);
  }

  /** Its start has been handed on, so its end may be. */
  void opened() {
    if (!STATE.compareAndSet(this, NEW, OPEN)) {
      state = ENDED;
      end(status, bytesOut(), cutOutcome, cutNanos);
    }
  }

  /** Ends it without a word: its connection was already closed when it began. */
  void discard() {
    state = ENDED;
  }

  /** The server answered a head that it could not parse. */
  void rejected(int statusOr0, long nanos) {
    if (claim()) {
      end(statusOr0, 0, Outcome.REJECTED, nanos);
    }
  }

  /** Ends one among others because its connection closed; returns whether that cut it. */
  boolean cutByClose(@Nullable CloseHint told, boolean clientLeft, long nanos) {
    Outcome cutBy = outcomeOfClose(told, clientLeft);
    cutOutcome = cutBy;
    cutNanos = nanos;
    if (STATE.compareAndSet(this, NEW, CUT)) {
      return true;
    }
    if (STATE.compareAndSet(this, OPEN, ENDED)) {
      boolean isWhole = clientLeft && isWhole(bytesOut());
      end(status, bytesOut(), isWhole ? Outcome.COMPLETED : cutBy, nanos);
      return !isWhole;
    }
    return false;
  }

  /** Ends the only one because its connection closed; returns false if it had ended before. */
  boolean cutAloneByClose(@Nullable CloseHint told, boolean clientLeft, long nanos) {
    while (true) {
      switch (state) {
        case OPEN -> {
          if (STATE.compareAndSet(this, OPEN, ENDING)) {
            settlesConnection = connection.settle();
            end(status, bytesOut(), outcomeOfClose(told, clientLeft), nanos);
            return true;
          }
        }
        case ENDING -> {
          connection.leaveToEnd();
          // It may have been handed on meanwhile, and have looked too early.
          connection.sweep();
          return false;
        }
        default -> {
          connection.settleAndRelease();
          return false;
        }
      }
    }
  }

  private boolean claim() {
    int claimed = isAlone ? ENDING : ENDED;
    if (STATE.compareAndSet(this, OPEN, claimed)) {
      if (!isAlone || !connection.isClosed()) {
        return true;
      }
      // Either the close is still to look for it, or it has looked and found nobody.
      settlesConnection = connection.settle();
      if (settlesConnection) {
        return true;
      }
      state = ENDED;
    }
    connection.listener().late();
    return false;
  }

  private void end(int status, long bodyBytes, Outcome outcome, long nanos) {
    this.status = status;
    BYTES_OUT.setOpaque(this, bodyBytes);
    this.outcome = outcome;
    endNanos = connection.advance(nanos);
    if (isHeadUntimed) {
      firstByteNanos = endNanos;
    }
    // What HTTP/2 holds back for one stream is not seen by the socket.
    blockedNanos =
        streamId == 0 && connection.listener().seesBlockedWrites()
            ? Math.max(
                0, Math.min(durationNanos(), connection.blockedNanos(endNanos) - blockedBefore))
            : -1;
    connection.ended(this);
  }

  /** Its end has been handed on. */
  void finish() {
    // Read before: once it is ENDED it may be released and be the next request.
    boolean settles = settlesConnection;
    STATE.setRelease(this, ENDED);
    if (settles) {
      connection.release();
    } else {
      connection.sweep();
    }
  }

  boolean isAlone() {
    return isAlone;
  }

  /** Whether its client has got all that it was promised, but for the end of the stream. */
  private boolean isWhole(long bodyBytes) {
    return bodyBytes > 0 && isCommitted() && bodyBytes == (long) ANNOUNCED.getAcquire(this);
  }

  private Outcome outcomeOf(AbortKind kind) {
    return switch (kind) {
      case CLIENT_RESET, READ_EOF, WRITE_FAILED -> clientAbort();
      case TIMEOUT -> Outcome.SERVER_TIMEOUT;
      case SERVER_RESET, HANDLER_FAILED -> Outcome.APP_ERROR;
    };
  }

  private Outcome outcomeOfClose(@Nullable CloseHint told, boolean clientLeft) {
    if (clientLeft) {
      return clientAbort();
    }
    if (told != null && told.reason() == CloseReason.TIMEOUT) {
      return Outcome.SERVER_TIMEOUT;
    }
    boolean refused = told != null && told.reason() == CloseReason.BACKPRESSURE && !isCommitted();
    return refused ? Outcome.REJECTED : Outcome.APP_ERROR;
  }

  private Outcome clientAbort() {
    return isCommitted() ? Outcome.CLIENT_ABORT_DURING_BODY : Outcome.CLIENT_ABORT_BEFORE_HEADERS;
  }
}
