// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.function.Function;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response, with an eye on every byte of their bodies; on HTTP/1 then the next
 * of the connection.
 *
 * <p>The request ends when the last write was handed to the socket, which is before the server
 * calls the stream complete: Jetty 12.0 reports a fully sent error page as a failure of the stream,
 * Jetty 12.1 as a success, and both wait for the handler to return.
 */
final class ObservedRequest implements Function<HttpStream, HttpStream> {
  /*
   * What Jetty and the application hold of a request, and may call late, is its ObservedStream and
   * its write: each is compared with the stream that is served now, and ignored if it is not of it.
   * The rest is used again after a request that Jetty calls a success; after any other the
   * connection closes, or calls on other threads may still be under way.
   */
  /** Bytes that a socket takes at once, so that the first goes out when the last does. */
  private static final int ONE_WRITE = 32 * 1024;

  private static final VarHandle FINISHING;
  private static final VarHandle STREAM;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      FINISHING = lookup.findVarHandle(ObservedRequest.class, "isFinishing", boolean.class);
      STREAM = lookup.findVarHandle(ObservedRequest.class, "stream", ObservedStream.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ObservedConnection connection;
  private Exchange exchange;
  private @Nullable Request request;
  private boolean isHead;

  private @Nullable Write idleWrite;
  private boolean isMalformed;
  private int status;
  private boolean hasBody;
  private long bodyBytes;
  private volatile boolean isFinishing;

  /** What is served now; null once Jetty is done with it. */
  private volatile @Nullable ObservedStream stream;

  private volatile @Nullable String route;
  private volatile boolean isDefaultRoute;

  ObservedRequest(ObservedConnection connection, Exchange exchange) {
    this.connection = connection;
    this.exchange = exchange;
  }

  /**
   * Begins to observe, as a new one or as one that has been {@linkplain ObservedConnection#idle
   * idle}.
   */
  ObservedStream begin(Exchange exchange, Request request) {
    this.exchange = exchange;
    this.request = request;
    isHead = HttpMethod.HEAD.is(request.getMethod());
    request.addHttpStreamWrapper(this);
    return requireNonNull(stream);
  }

  @Override
  public HttpStream apply(HttpStream wrapped) {
    ObservedStream wrapper = new ObservedStream(wrapped, this);
    STREAM.setRelease(this, wrapper);
    return wrapper;
  }

  Exchange exchange() {
    return exchange;
  }

  /** The application threw, or failed the request. */
  void thrown(ObservedStream by, Throwable thrown) {
    if (by == stream) {
      exchange.failed(thrown);
    }
  }

  /**
   * The template that the request matched.
   *
   * @param isDefault whether it is the one that matches what nothing else does
   */
  void route(String template, boolean isDefault) {
    route = template;
    isDefaultRoute = isDefault;
  }

  /** Whether the last write is in flight. */
  boolean isFinishing() {
    return isFinishing;
  }

  /** A part of the request's body, or what became of it. */
  void read(ObservedStream by, Content.Chunk chunk) {
    if (by == stream) {
      try {
        if (Content.Chunk.isFailure(chunk)) {
          readFailed(chunk);
        } else {
          exchange.bytesIn(chunk.remaining());
        }
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }

  /** Jetty is done with the stream: all was sent, or that is what it takes it for. */
  void succeeded(ObservedStream by) {
    if (by != stream) {
      return;
    }
    try {
      if (status != 0 && exchange.isOpen()) {
        complete();
      }
      recycled();
      boolean isAlone = exchange.streamId() == 0;
      exchange.release();
      if (isAlone) {
        reset();
        connection.idle(this);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** Jetty gives the stream up. */
  void failed(ObservedStream by, Throwable failure) {
    if (by != stream) {
      return;
    }
    try {
      abort(failure);
      recycled();
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  private void reset() {
    request = null;
    isMalformed = false;
    status = 0;
    bodyBytes = 0;
    if (route != null) {
      route = null;
      isDefaultRoute = false;
    }
  }

  private void readFailed(Content.Chunk chunk) {
    Throwable failure = chunk.getFailure();
    if (chunk.isLast() && failure instanceof IOException) {
      if (exchange.streamId() == 0 && !hasClientLeft()) {
        // The body breaks HTTP's rules: to Jetty that is an early end, which it answers by 400.
        isMalformed = true;
        connection.state().hint(CloseHint.MALFORMED_REQUEST);
        return;
      }
      boolean isReset = connection.wasReset() || !connection.hasPeerLeft();
      AbortKind kind = isReset ? AbortKind.CLIENT_RESET : AbortKind.READ_EOF;
      end(kind, failure);
    }
  }

  /** Something is to be sent: returns whom to tell of it, and who tells {@code callback}. */
  Callback sending(
      ObservedStream by,
      MetaData.@Nullable Response response,
      boolean last,
      @Nullable ByteBuffer content,
      Callback callback) {
    if (by != stream) {
      return callback;
    }
    try {
      if (response != null) {
        int code = response.getStatus();
        if (HttpStatus.isInterim(code) && code != HttpStatus.SWITCHING_PROTOCOLS_101) {
          return callback;
        }
        status = code;
        hasBody = !isHead && !HttpStatus.hasNoBody(code);
        exchange.contentType(contentType(response.getHttpFields()));
        if (last && (content == null || content.remaining() <= ONE_WRITE)) {
          exchange.committedWithEnd(code);
        } else {
          exchange.committed(code, System.nanoTime());
        }
      }
      Write write = idleWrite;
      if (write == null) {
        write = new Write();
      } else {
        idleWrite = null;
      }
      write.begin(by, last, hasBody ? content : null, callback);
      if (last) {
        FINISHING.setRelease(this, true);
      }
      return write;
    } catch (Throwable t) {
      connection.fault(t);
      return callback;
    }
  }

  private static @Nullable String contentType(HttpFields head) {
    // A wrapper would make an iterator to look for it, and those of Jetty hide no field.
    HttpFields fields = head instanceof HttpFields.Mutable.Wrapper own ? own.getWrapped() : head;
    HttpField field = fields.getField(HttpHeader.CONTENT_TYPE);
    return field == null ? null : field.getValue();
  }

  private void complete() {
    long nanos = System.nanoTime();
    if (status == HttpStatus.SWITCHING_PROTOCOLS_101) {
      exchange.upgraded(upgradedTo(), status, nanos);
      return;
    }
    tellRoute();
    tellError();
    exchange.completed(status, bodyBytes, nanos);
  }

  private Request request() {
    return requireNonNull(request);
  }

  /** Known by the endpoint that is Sonde's own, or by Jetty's having read the end of the stream. */
  private boolean hasClientLeft() {
    return connection.hasPeerLeft()
        || request().getConnectionMetaData().getConnection().getEndPoint().isInputShutdown();
  }

  private void abort(Throwable failure) {
    if (isMalformed) {
      end(AbortKind.SERVER_RESET, failure);
    } else if (connection.hasPeerLeft()) {
      end(connection.wasReset() ? AbortKind.CLIENT_RESET : AbortKind.WRITE_FAILED, failure);
    } else if (isByPeer(failure)) {
      // On HTTP/2 the client reset this stream; otherwise the endpoint is Jetty's own and silent.
      boolean isStream = exchange.streamId() != 0;
      end(isStream ? AbortKind.CLIENT_RESET : AbortKind.WRITE_FAILED, failure);
    } else if (ObservedConnection.isCausedByTimeout(failure)) {
      connection.hintExpired();
      end(AbortKind.TIMEOUT, failure);
    } else if (connection.state().listener().isStopping()) {
      connection.state().hint(CloseHint.SHUTDOWN);
      end(AbortKind.SERVER_RESET, failure);
    } else {
      end(AbortKind.HANDLER_FAILED, failure);
    }
  }

  private void end(AbortKind kind, Throwable failure) {
    tellRoute();
    exchange.aborted(kind, failure, bodyBytes, System.nanoTime());
  }

  /** Jetty is done with the stream, and so is this with the exchange. */
  private void recycled() {
    try {
      connection.ended(this, request());
    } finally {
      finished();
      STREAM.setRelease(this, null);
    }
  }

  /** No write is in flight any more: a close that waited for it may go on. */
  private void finished() {
    // Whoever cleared it before has looked for a close since then.
    if (isFinishing) {
      isFinishing = false;
      connection.settled();
    }
  }

  private Protocol upgradedTo() {
    String protocol = request().getHeaders().get(HttpHeader.UPGRADE);
    return "websocket".equalsIgnoreCase(protocol) ? Protocol.WEBSOCKET : Protocol.UNKNOWN;
  }

  /** Servlets do not let an exception out: the container answers it, and leaves it here. */
  private void tellError() {
    if (status < HttpStatus.INTERNAL_SERVER_ERROR_500) {
      return;
    }
    Request request = request();
    if (request.getAttribute(SondeJetty.ERROR_ATTRIBUTE) instanceof Throwable named) {
      exchange.failed(named);
    } else if (request.getAttribute(ErrorHandler.ERROR_EXCEPTION) instanceof Throwable thrown) {
      exchange.failed(thrown);
    }
  }

  private void tellRoute() {
    Request request = request();
    // Each look at an attribute takes a lock; most requests that are not a servlet's have none.
    boolean hasAttributes = !request.getAttributeNameSet().isEmpty();
    if (hasAttributes && request.getAttribute(SondeJetty.ROUTE_ATTRIBUTE) instanceof String named) {
      exchange.route(named);
    } else if (hasAttributes
        && request.getAttribute(SondeJetty.SPRING_ROUTE) instanceof String matched) {
      exchange.route(matched);
    } else if (!isDefaultRoute || status != HttpStatus.NOT_FOUND_404) {
      exchange.route(route);
    }
  }

  /** Stands between one write and whoever waits for it; used again for the next. */
  private final class Write implements Callback {
    private @Nullable ObservedStream by;
    private @Nullable Callback callback;
    private @Nullable ByteBuffer content;
    private int length;
    private boolean isLast;

    void begin(ObservedStream by, boolean isLast, @Nullable ByteBuffer content, Callback callback) {
      this.by = by;
      this.isLast = isLast;
      this.content = content;
      this.callback = callback;
      length = content == null ? 0 : content.remaining();
    }

    @Override
    public void succeeded() {
      boolean isCurrent = by == stream;
      Callback waiting = end();
      try {
        if (isCurrent) {
          written();
        }
        idleWrite = this;
      } catch (Throwable t) {
        connection.fault(t);
      }
      if (waiting != null) {
        waiting.succeeded();
      }
    }

    @Override
    public void failed(Throwable failure) {
      boolean isCurrent = by == stream;
      ByteBuffer rest = content;
      Callback waiting = end();
      try {
        if (isCurrent) {
          broken(rest, failure);
        }
      } catch (Throwable t) {
        connection.fault(t);
      }
      if (waiting != null) {
        waiting.failed(failure);
      }
    }

    @Override
    public InvocationType getInvocationType() {
      Callback waiting = callback;
      return waiting == null ? InvocationType.BLOCKING : waiting.getInvocationType();
    }

    private void written() {
      bodyBytes += length;
      exchange.sent(bodyBytes);
      if (isLast) {
        complete();
        finished();
      }
    }

    /** Before the application gets its buffer back and may fill it again. */
    private void broken(@Nullable ByteBuffer rest, Throwable failure) {
      bodyBytes += rest == null ? 0 : Math.max(0, length - rest.remaining());
      exchange.sent(bodyBytes);
      writeFailed(failure);
      finished();
    }

    private @Nullable Callback end() {
      Callback waiting = callback;
      by = null;
      callback = null;
      content = null;
      return waiting;
    }
  }

  private void writeFailed(Throwable failure) {
    // Other failures, such as a head that is too long, may still be answered by an error page.
    if (failure instanceof IOException || ObservedConnection.isCausedByTimeout(failure)) {
      abort(failure);
    }
  }

  /** Whether this is how Jetty says that the client closed the connection or reset the stream. */
  private static boolean isByPeer(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof ClosedChannelException) {
        return false;
      }
      if (t instanceof EofException && !(t.getCause() instanceof ClosedChannelException)) {
        return true;
      }
    }
    return false;
  }
}
