// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.http.Method;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ServerConnectionException;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response; it is routed with this as its connection.
 *
 * <p>What is thrown in routing is answered within, out of sight. But for that Helidon asks the
 * connection for the handlers of errors, or has it log what came too late.
 */
final class ObservedRequest extends ForwardingContext {
  private static final HeaderName TRACEPARENT = HeaderNames.create("traceparent");
  private static final HeaderName TRACESTATE = HeaderNames.create("tracestate");

  private final ObservedConnection connection;
  private final int stream;
  private final HttpPrologue prologue;
  private final Headers headers;
  private final long headNanos;
  private final long takenBefore;
  private @Nullable Exchange exchange;
  private @Nullable RoutingRequest request;
  private @Nullable RoutingResponse response;

  /** The template that the application gave. */
  private volatile @Nullable String name;

  /** Status of what Helidon answers in place of the application, or 0. */
  private int refusal;

  private boolean isRouted;

  /** Of HTTP/1, when bytes of the response last went out. */
  private long writtenNanos;

  // Of HTTP/2, by the thread that writes.
  private long bodyBytes;
  private boolean isHeadFramed;
  private boolean isEndFramed;

  /**
   * @param stream of HTTP/2, 0 on HTTP/1
   * @param headNanos when its head was parsed
   */
  ObservedRequest(
      ObservedContext context, int stream, HttpPrologue prologue, Headers headers, long headNanos) {
    super(context);
    connection = context.connection();
    this.stream = stream;
    this.prologue = prologue;
    this.headers = headers;
    this.headNanos = headNanos;
    takenBefore = connection.taken();
  }

  int stream() {
    return stream;
  }

  /** Begun, see {@link #begin()}. */
  Exchange exchange() {
    return Objects.requireNonNull(exchange);
  }

  /** Whether it asks for the connection to change to this protocol. */
  boolean asksFor(String protocol) {
    return stream == 0
        && headers.contains(HeaderNames.UPGRADE)
        && headers.get(HeaderNames.UPGRADE).get().equalsIgnoreCase(protocol);
  }

  /** Tells it, if that was not done yet. */
  void begin() {
    if (exchange != null) {
      return;
    }
    Exchange begun =
        connection
            .state()
            .begin(
                -1,
                stream,
                prologue.method().text(),
                prologue.uriPath().rawPath(),
                prologue.rawProtocol(),
                headNanos);
    if (headers.contains(TRACEPARENT)) {
      begun.trace(headers.get(TRACEPARENT).get(), headers.first(TRACESTATE).orElse(null));
    }
    begun.attach(this);
    exchange = begun;
  }

  void routing(RoutingRequest request, RoutingResponse response) {
    this.request = request;
    this.response = response;
    isRouted = true;
  }

  /** Names its route. */
  void name(String template) {
    name = template;
  }

  /** Something was thrown for which Helidon answers; of a refusal that is no failure. */
  void failed(Throwable thrown) {
    try {
      if (thrown instanceof RequestException refused
          && refused.status().family() == Status.Family.SERVER_ERROR) {
        exchange().failed(refused.getCause() == null ? refused : refused.getCause());
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** Its routing has returned, which on HTTP/1 is after the last byte was written. */
  void routed() {
    try {
      Exchange ending = exchange();
      if (stream == 0) {
        if (ending.isOpen()) {
          tellEnd();
          ending.completed(connection.status(), connection.bodyBytes(), writtenNanos);
        }
        end();
      } else if (ending.isOpen()) {
        cut(
            connection.hasPeerLeft() ? AbortKind.WRITE_FAILED : AbortKind.SERVER_RESET,
            null,
            bodyBytes);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** Its routing has thrown. */
  void thrown(Throwable thrown) {
    try {
      if (thrown instanceof RequestException refused) {
        // Helidon answers now.
        refusal = refused.status().code();
        isRouted = false;
        failed(thrown);
      } else if (stream == 0
          && !(thrown instanceof CloseConnectionException
              || thrown instanceof ServerConnectionException)) {
        isRouted = false;
      } else {
        if (connection.isStopped()) {
          connection.state().hint(CloseHint.SHUTDOWN);
        }
        Throwable cause = thrown instanceof CloseConnectionException ? thrown.getCause() : thrown;
        cut(
            connection.hasPeerLeft() ? AbortKind.WRITE_FAILED : AbortKind.HANDLER_FAILED,
            cause,
            stream == 0 ? connection.bodyBytes() : bodyBytes);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** Bytes of the response of HTTP/1 went out. */
  void answered(int status, long bodyBytes, long nanos) {
    begin();
    Exchange answered = exchange();
    writtenNanos = nanos;
    if (!answered.isCommitted()) {
      tellContentType();
      answered.committed(status, nanos);
    }
    answered.sent(bodyBytes);
    if (!isRouted) {
      // In one piece, by Helidon itself.
      tellEnd();
      answered.completed(status, bodyBytes, nanos);
      end();
    }
  }

  /** The connection goes on with another protocol. */
  void upgraded(Protocol protocol, int status, long nanos) {
    begin();
    tellEnd();
    exchange().upgraded(protocol, status, nanos);
    connection.ended(this);
  }

  /** The client has reset its stream. */
  void reset() {
    cut(AbortKind.CLIENT_RESET, null, bodyBytes);
  }

  /** Its connection is about to be closed, which ends it if it is open. */
  void closing() {
    try {
      if (exchange().isOpen()) {
        tellEnd();
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  void cut(AbortKind kind, @Nullable Throwable cause, long bodyBytes) {
    begin();
    synchronized (connection) {
      if (exchange().isOpen()) {
        tellEnd();
        exchange().aborted(kind, cause, bodyBytes, System.nanoTime());
      }
    }
    connection.ended(this);
  }

  /** A head goes out; returns whether it is the response's. */
  boolean frameHead() {
    RoutingResponse answer = response;
    boolean isFinal = refusal != 0 || (answer != null && answer.hasEntity());
    isHeadFramed |= isFinal;
    return isFinal;
  }

  void frameBody(int bytes) {
    isHeadFramed = true;
    bodyBytes += bytes;
  }

  void frameEnd() {
    isHeadFramed = true;
    isEndFramed = true;
  }

  /** The frames went out. */
  void framed(long nanos) {
    Exchange answered = exchange();
    if (isHeadFramed && !answered.isCommitted()) {
      tellContentType();
      tellLength();
      answered.committed(statusOfStream(), nanos);
    }
    answered.sent(bodyBytes);
    if (isEndFramed) {
      synchronized (connection) {
        if (answered.isOpen()) {
          tellEnd();
          answered.completed(statusOfStream(), bodyBytes, nanos);
        }
      }
      connection.ended(this);
    }
  }

  @Override
  public ListenerContext listenerContext() {
    ListenerContext listener = super.listenerContext();
    try {
      return new ObservedListener(
          listener, listener.config(), ObservingDirectHandler.of(listener.directHandlers(), this));
    } catch (Throwable t) {
      connection.fault(t);
      return listener;
    }
  }

  @Override
  public void log(
      System.Logger logger,
      System.Logger.Level level,
      String format,
      Throwable thrown,
      Object... variables) {
    failedLate(thrown);
    super.log(logger, level, format, thrown, variables);
  }

  private void failedLate(Throwable thrown) {
    try {
      if (response != null && response.hasEntity()) {
        failed(thrown);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  private int statusOfStream() {
    RoutingResponse answer = response;
    return refusal != 0 || answer == null ? refusal : answer.status().code();
  }

  /** What is known of it at its end only. */
  private void tellEnd() {
    if (stream == 0) {
      exchange().bytesIn(connection.taken() - takenBefore);
    }
    String named = name;
    RoutingRequest routed = request;
    if (named != null) {
      exchange().route(named);
    } else if (routed != null) {
      exchange().route(routed.matchingPattern().orElse(null));
    }
  }

  private void tellContentType() {
    RoutingResponse answer = response;
    if (answer != null && refusal == 0) {
      exchange().contentType(answer.headers().first(HeaderNames.CONTENT_TYPE).orElse(null));
    }
  }

  /** Of HTTP/2. */
  private void tellLength() {
    RoutingResponse answer = response;
    if (answer != null && refusal == 0 && !prologue.method().equals(Method.HEAD)) {
      exchange().announced(answer.headers().contentLength().orElse(0));
    }
  }

  private void end() {
    connection.ended(this);
    exchange().release();
  }
}
