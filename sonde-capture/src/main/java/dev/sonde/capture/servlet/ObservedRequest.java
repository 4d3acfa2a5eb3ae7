// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.event.Protocol;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.UnavailableException;
import jakarta.servlet.http.HttpServletMapping;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.MappingMatch;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One request, as the application gets it, from the filter to its end. */
final class ObservedRequest extends HttpServletRequestWrapper implements AsyncListener {
  /*
   * Written by the thread that works on the request; that changes between its dispatches, over the
   * container's own queues. Its end may come from a write that fails in one of the application's
   * threads and from the container at the same time: `isOver` lets one of them through.
   */

  /** Name of the attribute by which the request of a later dispatch is known again. */
  static final String MARK = "dev.sonde.request";

  /** Where Spring MVC leaves the pattern of the handler that it chose. */
  private static final String SPRING_ROUTE =
      "org.springframework.web.servlet.HandlerMapping.bestMatchingPattern";

  private final ObservedConnection connection;
  private final Exchange exchange;
  private final ObservedResponse response;
  private final HttpServletMapping mapping;
  private final AtomicBoolean isOver = new AtomicBoolean();
  private @Nullable RequestBody body;
  private boolean isAsync;

  /** What reading the body failed with. */
  private volatile @Nullable Throwable readFailure;

  /** What the application threw. */
  private volatile @Nullable Throwable failure;

  /** Whether a part of the response was out then, which can only be cut. */
  private volatile boolean isCut;

  ObservedRequest(
      HttpServletRequest request,
      HttpServletResponse answer,
      ObservedConnection connection,
      Exchange exchange) {
    super(request);
    this.connection = connection;
    this.exchange = exchange;
    mapping = request.getHttpServletMapping();
    response = new ObservedResponse(answer, this);
    request.setAttribute(MARK, this);
  }

  Exchange exchange() {
    return exchange;
  }

  HttpServletResponse response() {
    return response;
  }

  /** So that what is written later goes through the same response. */
  @Override
  public AsyncContext startAsync() {
    return startAsync(this, response);
  }

  @Override
  public ServletInputStream getInputStream() throws IOException {
    RequestBody known = body;
    if (known == null) {
      known = new RequestBody(super.getInputStream(), this);
      body = known;
    }
    return known;
  }

  /** The application has returned to the filter for the first time. */
  void returned(@Nullable Throwable thrown) {
    try {
      if (thrown != null) {
        failed(thrown);
      }
      if (thrown == null && isAsyncStarted()) {
        isAsync = true;
        getAsyncContext().addListener(this);
      } else {
        end();
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** The application threw; the container goes on to end the request. */
  void failed(Throwable thrown) {
    if (failure == null) {
      isCut = response.isCommitted();
      failure = thrown;
    }
  }

  @Override
  public void onComplete(AsyncEvent event) {
    try {
      end();
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  @Override
  public void onTimeout(AsyncEvent event) {}

  @Override
  public void onError(AsyncEvent event) {
    Throwable thrown = event.getThrowable();
    if (thrown != null && !(thrown instanceof IOException)) {
      failed(thrown);
    } else if (failure == null) {
      // Not the application's, so it is the connection that failed the container.
      broken(thrown);
    }
  }

  @Override
  public void onStartAsync(AsyncEvent event) {
    event.getAsyncContext().addListener(this);
  }

  /** Bytes of the body could not be read. */
  void unreadable(Throwable thrown) {
    readFailure = thrown;
  }

  /** The application has written. */
  void progress() {
    if (!isOver.get()) {
      if (!exchange.isCommitted() && response.isCommitted()) {
        exchange.contentType(response.getContentType());
        exchange.committed(response.getStatus(), System.nanoTime());
      }
      exchange.sent(response.bodyBytes());
    }
  }

  /**
   * All that was written is on the socket.
   *
   * @param bodyBytes that are the whole body by its announced length, or 0
   */
  void flushed(long bodyBytes) {
    if (!isOver.get() && bodyBytes > 0 && hasBody(response.getStatus())) {
      exchange.announced(bodyBytes);
    }
    progress();
  }

  /** Bytes of the response could not be written. */
  void broken(@Nullable Throwable thrown) {
    if (!isOver.compareAndSet(false, true)) {
      return;
    }
    tell(response.getStatus());
    if (isTimeout(thrown)) {
      abort(AbortKind.TIMEOUT, Initiator.LOCAL, thrown);
    } else {
      boolean isStream = exchange.streamId() != 0;
      abort(isStream ? AbortKind.CLIENT_RESET : AbortKind.WRITE_FAILED, Initiator.REMOTE, thrown);
    }
  }

  private void end() {
    response.askWriter();
    if (!isOver.compareAndSet(false, true)) {
      return;
    }
    Throwable thrown = failure;
    int status = thrown == null || response.isCommitted() ? response.getStatus() : statusOf(thrown);
    tell(status);
    if (thrown != null && isCausedBy(readFailure, thrown) && !isMalformed(thrown)) {
      unread(thrown);
    } else if (thrown != null && isCut) {
      abort(AbortKind.HANDLER_FAILED, Initiator.LOCAL, thrown);
    } else if (status == HttpServletResponse.SC_SWITCHING_PROTOCOLS) {
      exchange.upgraded(Protocol.WEBSOCKET, status, System.nanoTime());
    } else {
      complete(status);
    }
  }

  /** The body did not come, and whatever the container answers to that is its own. */
  private void unread(Throwable thrown) {
    if (isTimeout(thrown)) {
      connection.hint(exchange, CloseHint.REQUEST_BODY_TIMEOUT);
      abort(AbortKind.TIMEOUT, Initiator.LOCAL, thrown);
    } else {
      abort(AbortKind.READ_EOF, Initiator.REMOTE, thrown);
    }
  }

  private void complete(int status) {
    if (!exchange.isCommitted()) {
      exchange.contentType(response.getContentType());
      exchange.committedWithEnd(status);
    }
    exchange.completed(status, hasBody(status) ? response.bodyBytes() : 0, System.nanoTime());
    if (exchange.streamId() == 0 && endsConnection()) {
      connection.closed(Initiator.LOCAL);
    }
    // A thread of the application may still be about to tell of an asynchronous request.
    if (!isAsync) {
      exchange.release();
    }
  }

  private void abort(AbortKind kind, Initiator initiator, @Nullable Throwable cause) {
    exchange.aborted(kind, cause, response.bodyBytes(), System.nanoTime());
    if (exchange.streamId() == 0) {
      connection.closed(initiator);
    }
  }

  /** Says what only the container's request knows. */
  private void tell(int status) {
    exchange.route(routeOf(status));
    RequestBody read = body;
    exchange.bytesIn(read == null ? Math.max(0, getContentLengthLong()) : read.bytes());
    if (status >= HttpServletResponse.SC_INTERNAL_SERVER_ERROR) {
      Throwable named = errorOf();
      if (named != null) {
        exchange.failed(named);
      }
    }
  }

  private @Nullable Throwable errorOf() {
    if (getAttribute(SondeFilter.ERROR_ATTRIBUTE) instanceof Throwable named) {
      return named;
    }
    Throwable thrown = failure;
    return thrown == null
            && getAttribute(RequestDispatcher.ERROR_EXCEPTION) instanceof Throwable kept
        ? kept
        : thrown;
  }

  private @Nullable String routeOf(int status) {
    if (getAttribute(SondeFilter.ROUTE_ATTRIBUTE) instanceof String named) {
      return named;
    }
    if (getAttribute(SPRING_ROUTE) instanceof String matched) {
      return matched;
    }
    MappingMatch match = mapping.getMappingMatch();
    boolean isDefault = match == MappingMatch.DEFAULT;
    if (match == null || (isDefault && status == HttpServletResponse.SC_NOT_FOUND)) {
      return null;
    }
    // The empty pattern matches the context's root alone (Jakarta Servlet 6.0, section 12.2).
    String pattern = match == MappingMatch.CONTEXT_ROOT ? "/" : mapping.getPattern();
    String context = getContextPath();
    return context.isEmpty() ? pattern : context + pattern;
  }

  private boolean hasBody(int status) {
    return status != HttpServletResponse.SC_NO_CONTENT
        && status != HttpServletResponse.SC_RESET_CONTENT
        && status != HttpServletResponse.SC_NOT_MODIFIED
        && !exchange.method().equals("HEAD");
  }

  /** A close that the response announces may be the container's, which tells nobody why. */
  private boolean endsConnection() {
    String asked = getHeader("Connection");
    return "close".equalsIgnoreCase(asked)
        || (asked == null && exchange.httpVersion().equals("HTTP/1.0"));
  }

  /** What a container answers to an exception (Jakarta Servlet 6.0, section 2.3.3.2). */
  private static int statusOf(Throwable thrown) {
    if (isMalformed(thrown)) {
      return HttpServletResponse.SC_BAD_REQUEST;
    }
    if (thrown instanceof UnavailableException unavailable) {
      return unavailable.isPermanent()
          ? HttpServletResponse.SC_NOT_FOUND
          : HttpServletResponse.SC_SERVICE_UNAVAILABLE;
    }
    return HttpServletResponse.SC_INTERNAL_SERVER_ERROR;
  }

  private static boolean isCausedBy(@Nullable Throwable cause, Throwable thrown) {
    for (Throwable t = thrown; cause != null && t != null; t = t.getCause()) {
      if (t == cause) {
        return true;
      }
    }
    return false;
  }

  private static boolean isTimeout(@Nullable Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof SocketTimeoutException || t instanceof TimeoutException) {
        return true;
      }
    }
    return false;
  }

  /** Whether a container says by it that the body is not HTTP, in Jetty's word or in Tomcat's. */
  private static boolean isMalformed(Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      String name = t.getClass().getSimpleName();
      if (name.equals("BadMessageException") || name.equals("BadRequestException")) {
        return true;
      }
    }
    return false;
  }
}
