// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import dev.sonde.trace.TraceContext;
import io.undertow.server.ConduitWrapper;
import io.undertow.server.DefaultResponseListener;
import io.undertow.server.ExchangeCompletionListener;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.ConduitFactory;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.PathTemplateMatch;
import java.io.IOException;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.xnio.conduits.StreamSinkConduit;

/**
 * One request from its head to its last byte.
 *
 * <p>It is the executor of its own dispatches, so that its span is current there, too.
 */
final class ObservedRequest
    implements ConduitWrapper<StreamSinkConduit>, ExchangeCompletionListener, Executor {
  /*
   * The exchange is released, to serve the next request, by who is the last of: the end, and every
   * part of the application that works in its span, of which each may go on after the end. One whose
   * body has not come yet keeps it: what is left of the body can end it from another thread than the
   * one that is about to tell of the response. Without such a body the end comes from within the
   * response, or from the close, after which there is no next request.
   */
  private static final AtomicIntegerFieldUpdater<ObservedRequest> HOLDS =
      AtomicIntegerFieldUpdater.newUpdater(ObservedRequest.class, "holds");

  private static final HttpString TRACEPARENT = HttpString.tryFromString("traceparent");
  private static final HttpString TRACESTATE = HttpString.tryFromString("tracestate");
  private static final int SWITCHING_PROTOCOLS = 101;

  private final ObservedConnection connection;
  private final HttpServerExchange server;
  private final Exchange exchange;

  /** Where the body goes, once anything is sent. */
  private volatile @Nullable ResponseSink response;

  /** Whether the frames of the response are seen as they go out, on HTTP/2. */
  private boolean isFramed;

  /** Who may still touch the exchange: at first its end and the first part of the application. */
  private volatile int holds = 2;

  /**
   * Whether it was all there when it began. Written before anybody else has this object, and
   * Undertow hands that on to every thread that works on the request.
   */
  private boolean isReleasable;

  private volatile long framedBytes;
  private volatile boolean isEndFramed;

  private ObservedRequest(
      ObservedConnection connection, HttpServerExchange server, Exchange exchange) {
    this.connection = connection;
    this.server = server;
    this.exchange = exchange;
  }

  /** A head has come; returns null of a stream that the server itself has begun. */
  static @Nullable ObservedRequest begin(ObservedConnection connection, HttpServerExchange server) {
    int stream = Http2Streams.of(server.getConnection());
    if (stream != 0 && stream % 2 == 0) {
      return null;
    }
    Exchange begun =
        connection
            .state()
            .begin(
                server.getIoThread().getNumber(),
                stream,
                server.getRequestMethod().toString(),
                server.getRequestURI(),
                server.getProtocol().toString(),
                System.nanoTime());
    HeaderMap headers = server.getRequestHeaders();
    String traceparent = headers.getFirst(TRACEPARENT);
    if (traceparent != null) {
      begun.trace(traceparent, headers.getFirst(TRACESTATE));
    }
    ObservedRequest request = new ObservedRequest(connection, server, begun);
    if (stream == 0) {
      connection.began(request);
    } else {
      request.isFramed = connection.began(request, stream);
    }
    server.addResponseWrapper(request);
    server.addExchangeCompleteListener(request);
    if (server.isRequestComplete()) {
      request.isReleasable = true;
    } else {
      server.addRequestWrapper((factory, ignored) -> new RequestSource(factory.create(), begun));
    }
    server.setDispatchExecutor(request);
    return request;
  }

  /** The response is begun: the first wrapper is the last to see the body, after its encodings. */
  @Override
  public StreamSinkConduit wrap(
      ConduitFactory<StreamSinkConduit> factory, HttpServerExchange ignored) {
    ResponseSink sink = new ResponseSink(factory.create(), this);
    response = sink;
    if (isFramed) {
      // Of a client that leaves once it has the body, the connection alone tells.
      routeEarly();
    }
    return sink;
  }

  /** Runs the application, or the first part of it. */
  void serve(HttpHandler application) throws Exception {
    try (TraceContext.Scope ignored = exchange.enter()) {
      application.handleRequest(server);
    } finally {
      letGo();
    }
  }

  private void routeEarly() {
    try {
      exchange.route(route());
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** Runs a part of the application on a worker. */
  @Override
  public void execute(Runnable task) {
    server.getConnection().getWorker().execute(hold() ? () -> run(task) : task);
  }

  private void run(Runnable task) {
    // Undertow takes it back with each dispatch.
    server.setDispatchExecutor(this);
    try (TraceContext.Scope ignored = exchange.enter()) {
      task.run();
    } finally {
      letGo();
    }
  }

  /**
   * Keeps the exchange for a part of the application; returns false if everybody has let go of it.
   * A handler may dispatch after another thread, to which it gave the request, has ended it.
   */
  private boolean hold() {
    int held = holds;
    while (held > 0) {
      if (HOLDS.compareAndSet(this, held, held + 1)) {
        return true;
      }
      held = holds;
    }
    return false;
  }

  private void letGo() {
    if (HOLDS.decrementAndGet(this) == 0 && isReleasable) {
      exchange.release();
    }
  }

  /** Request and response are over. */
  @Override
  public void exchangeEvent(HttpServerExchange ended, NextListener next) {
    try {
      if (ended.getDispatchExecutor() == this) {
        // Else Undertow begins a pipelined request in it.
        ended.setDispatchExecutor(null);
      }
      over();
    } catch (Throwable t) {
      connection.fault(t);
    } finally {
      next.proceed();
    }
  }

  /** Bytes of the body went out, or the head did. */
  void progress(long bodyBytes) {
    try {
      // Without a holder the exchange may be the next request already.
      if (holds == 0 || !exchange.isOpen()) {
        return;
      }
      commit();
      if (!isFramed && hasBody()) {
        exchange.sent(bodyBytes);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  private void commit() {
    if (!exchange.isCommitted()) {
      exchange.contentType(server.getResponseHeaders().getFirst(Headers.CONTENT_TYPE));
      if (isFramed && hasBody()) {
        exchange.announced(server.getResponseContentLength());
      }
      exchange.committed(server.getStatusCode(), System.nanoTime());
    }
  }

  /** A frame of the body went out. */
  void framed(int bodyBytes) {
    long sent = framedBytes + bodyBytes;
    framedBytes = sent;
    try {
      commit();
      exchange.sent(sent);
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** The last frame went out: the request ends, whatever Undertow has still to do. */
  void endFramed() {
    isEndFramed = true;
    try {
      finish();
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** The client is gone; what it was sent is all that it gets. */
  void cut(AbortKind kind, @Nullable IOException failure) {
    try {
      ResponseSink sink = response;
      if (!exchange.isOpen()) {
        return;
      }
      if (sink != null && sink.isFlushed() && isWhole(sink)) {
        // The rest of its body is nobody's concern any more.
        complete(sink);
      } else {
        exchange.aborted(kind, failure, bytesOf(sink), System.nanoTime());
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** What a connection waited for in vain that was closed while this was open. */
  CloseHint timeout() {
    if (!server.isRequestComplete()) {
      return CloseHint.REQUEST_BODY_TIMEOUT;
    }
    return exchange.isCommitted() ? CloseHint.WRITE_TIMEOUT : CloseHint.RESPONSE_TIMEOUT;
  }

  private void over() {
    try {
      finish();
    } finally {
      try {
        leave();
      } finally {
        letGo();
      }
    }
  }

  private void leave() {
    int stream = (int) exchange.streamId();
    if (stream != 0) {
      connection.ended(stream);
    } else {
      boolean isPipelined =
          server.getConnection() instanceof HttpServerConnection http1
              && http1.getPipelineBuffer() != null;
      connection.ended(this, isPipelined, isHandedOver());
    }
  }

  /** Whether what follows on the connection is the application's: no HTTP, or another's. */
  private boolean isHandedOver() {
    return server.isUpgrade()
        || (server.getRequestMethod().equals(Methods.CONNECT) && server.getStatusCode() / 100 == 2);
  }

  private void finish() {
    if (exchange.isOpen()) {
      Throwable thrown = null;
      try {
        thrown = failure();
        if (thrown != null) {
          exchange.failed(thrown);
        }
        exchange.route(route());
      } catch (Throwable t) {
        // Of a wrapper of the application's, say; the request ends all the same.
        connection.fault(t);
      }
      end(thrown);
    }
  }

  private void end(@Nullable Throwable thrown) {
    ResponseSink sink = response;
    if (server.isUpgrade() && server.getStatusCode() == SWITCHING_PROTOCOLS) {
      exchange.upgraded(upgradedTo(), SWITCHING_PROTOCOLS, System.nanoTime());
    } else if (sink != null && isWhole(sink)) {
      complete(sink);
    } else if (server.getConnection().isOpen()) {
      exchange.aborted(AbortKind.HANDLER_FAILED, thrown, bytesOf(sink), System.nanoTime());
    }
    // Else the close of the connection ends it, and knows whose doing it was.
  }

  private boolean isWhole(ResponseSink sink) {
    long length = hasBody() ? server.getResponseContentLength() : -1;
    if (isFramed) {
      return isEndFramed && (length < 0 || framedBytes == length);
    }
    return !hasBody() || sink.isWhole(length);
  }

  private void complete(ResponseSink sink) {
    int status = server.getStatusCode();
    if (!exchange.isCommitted()) {
      exchange.contentType(server.getResponseHeaders().getFirst(Headers.CONTENT_TYPE));
      exchange.committedWithEnd(status);
    }
    exchange.completed(status, bytesOf(sink), System.nanoTime());
  }

  private @Nullable Throwable failure() {
    Throwable thrown = server.getAttachment(DefaultResponseListener.EXCEPTION);
    if (thrown == null) {
      thrown = Servlets.failure(server);
    }
    return thrown instanceof IOException && connection.hasPeerLeft() ? null : thrown;
  }

  private @Nullable String route() {
    String named = server.getAttachment(SondeUndertow.ROUTE);
    if (named != null) {
      return named;
    }
    String servlets = Servlets.route(server);
    if (servlets != null) {
      return servlets;
    }
    PathTemplateMatch match = server.getAttachment(PathTemplateMatch.ATTACHMENT_KEY);
    if (match == null) {
      return null;
    }
    String prefix = server.getResolvedPath();
    return prefix.isEmpty() ? match.getMatchedTemplate() : prefix + match.getMatchedTemplate();
  }

  private Protocol upgradedTo() {
    String protocol = server.getResponseHeaders().getFirst(Headers.UPGRADE);
    return "websocket".equalsIgnoreCase(protocol) ? Protocol.WEBSOCKET : Protocol.UNKNOWN;
  }

  private long bytesOf(@Nullable ResponseSink sink) {
    if (sink == null || !hasBody()) {
      return 0;
    }
    return isFramed ? framedBytes : sink.bytes();
  }

  private boolean hasBody() {
    int status = server.getStatusCode();
    return status >= 200
        && status != 204
        && status != 205
        && status != 304
        && !server.getRequestMethod().equals(Methods.HEAD);
  }
}
