// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.trace.Span;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response, from the parsed head to the last byte.
 *
 * <p>It ends once: the first of {@link #completed}, {@link #aborted}, {@link #upgraded} and the
 * close of its connection wins, later ones are counted and ignored. All methods may be called from
 * any thread and never throw; what is reported before the end must happen-before it.
 */
public final class Exchange {
  private static final int NEW = 0;
  private static final int OPEN = 1;
  private static final int CUT = 2;
  private static final int ENDED = 3;

  private static final VarHandle STATE;
  private static final VarHandle BYTES_IN;
  private static final VarHandle SPAN;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(Exchange.class, "state", int.class);
      BYTES_IN = lookup.findVarHandle(Exchange.class, "bytesIn", long.class);
      SPAN = lookup.findVarHandle(Exchange.class, "span", Span.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ConnectionState connection;
  private final int workerId;
  private final long id = RequestIds.next();
  private final long streamId;
  private final String method;
  private final String path;
  private final String httpVersion;
  private final long startNanos;

  /** NEW while its start is handed on, then OPEN; CUT if its connection closed during NEW. */
  private volatile int state;

  private volatile @Nullable Object attachment;
  private volatile @Nullable Span span;
  private volatile @Nullable String route;
  private volatile @Nullable Throwable error;
  private volatile boolean committed;
  private volatile long bytesIn;
  private volatile long bytesOut;

  /** Written while its start is handed on, before anybody else knows of it. */
  private boolean excluded;

  // Written before the end is handed on, read by the outlet.
  private int status;
  private long firstByteNanos;
  private long endNanos;
  private Outcome outcome = Outcome.COMPLETED;

  // Written by the closing thread before it raises CUT.
  private Outcome cutOutcome = Outcome.COMPLETED;
  private long cutNanos;

  Exchange(
      ConnectionState connection,
      int workerId,
      long streamId,
      String method,
      String path,
      String httpVersion,
      long startNanos) {
    this.connection = connection;
    this.workerId = workerId;
    this.streamId = streamId;
    this.method = method;
    this.path = path;
    this.httpVersion = httpVersion;
    this.startNanos = startNanos;
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

  /** The template that matched, such as {@code /users/{id}}; null leaves it as it is. */
  public void route(@Nullable String template) {
    if (template != null) {
      route = template;
    }
  }

  /** The response head was sent; an interim one (1xx) does not count. */
  public void committed(int status, long nanos) {
    if (!committed && state != ENDED) {
      this.status = status;
      firstByteNanos = connection.advance(nanos);
      committed = true;
    }
  }

  /** Adds body bytes that were received. */
  public void bytesIn(long bytes) {
    if (bytes != 0) {
      BYTES_IN.getAndAdd(this, bytes);
    }
  }

  /** Body bytes sent so far, in all; counts if the connection closes before the end is reported. */
  public void sent(long bodyBytes) {
    if (state != ENDED) {
      bytesOut = bodyBytes;
    }
  }

  /** The application threw; the first exception is kept, and the request goes on to its end. */
  public void failed(Throwable thrown) {
    if (error == null && state != ENDED) {
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
   * The response will not be completed.
   *
   * @param cause what went wrong, or null; kept as the application's failure if it is one
   * @param bodyBytes body bytes that were sent
   */
  public void aborted(AbortKind kind, @Nullable Throwable cause, long bodyBytes, long nanos) {
    if (!claim()) {
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
      end(status, 0, Outcome.COMPLETED, nanos);
    }
  }

  /** An object of the adapter's own. */
  public void attach(@Nullable Object attachment) {
    this.attachment = attachment;
  }

  /** What was {@linkplain #attach attached}, or null. */
  public @Nullable Object attachment() {
    return attachment;
  }

  /** The request's span, to be made current while the application works on it. */
  public Span span() {
    Span known = span;
    if (known != null) {
      return known;
    }
    Span root = excluded ? Span.root().suppressed() : Span.root();
    Span raced = (Span) SPAN.compareAndExchange(this, null, root);
    return raced == null ? root : raced;
  }

  /**
   * Leaves out what happens within it, by a {@linkplain Span#suppressed() suppressed} span; only
   * for an outlet that is told of its start.
   */
  public void exclude() {
    excluded = true;
  }

  /** Whether it was {@linkplain #exclude() left out} when it began. */
  public boolean isExcluded() {
    return excluded;
  }

  /** The connection that it came on. */
  public ConnectionState connection() {
    return connection;
  }

  /** Number of the request, unique and increasing within this process. */
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
    return path;
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
    return committed ? firstByteNanos - startNanos : -1;
  }

  /** Whether it has not ended yet. */
  public boolean isOpen() {
    return state != ENDED;
  }

  /** Whether the response head was sent. */
  public boolean isCommitted() {
    return committed;
  }

  /** The template that matched, or null. */
  public @Nullable String route() {
    return route;
  }

  /** What the application threw, or null. */
  public @Nullable Throwable error() {
    return error;
  }

  /** Body bytes received so far. */
  public long bytesIn() {
    return bytesIn;
  }

  /** Body bytes sent; known at its end. */
  public long bytesOut() {
    return bytesOut;
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
    return "request " + id + " " + method + " " + path;
  }

  /** Its start has been handed on, so its end may be. */
  void opened() {
    if (!STATE.compareAndSet(this, NEW, OPEN)) {
      state = ENDED;
      end(status, bytesOut, cutOutcome, cutNanos);
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

  /** Ends it because its connection closed; returns false if it had ended before. */
  boolean cutByClose(@Nullable CloseHint told, boolean clientLeft, long nanos) {
    Outcome cutBy = outcomeOfClose(told, clientLeft);
    cutOutcome = cutBy;
    cutNanos = nanos;
    if (STATE.compareAndSet(this, NEW, CUT)) {
      return true;
    }
    if (STATE.compareAndSet(this, OPEN, ENDED)) {
      end(status, bytesOut, cutBy, nanos);
      return true;
    }
    return false;
  }

  private boolean claim() {
    if (STATE.compareAndSet(this, OPEN, ENDED)) {
      return true;
    }
    connection.listener().late();
    return false;
  }

  private void end(int status, long bodyBytes, Outcome outcome, long nanos) {
    this.status = status;
    bytesOut = bodyBytes;
    this.outcome = outcome;
    endNanos = connection.advance(nanos);
    connection.ended(this);
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
    boolean refused = told != null && told.reason() == CloseReason.BACKPRESSURE && !committed;
    return refused ? Outcome.REJECTED : Outcome.APP_ERROR;
  }

  private Outcome clientAbort() {
    return committed ? Outcome.CLIENT_ABORT_DURING_BODY : Outcome.CLIENT_ABORT_BEFORE_HEADERS;
  }
}
