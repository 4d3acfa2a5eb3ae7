// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * The transport of one request and its response, with an eye on every byte of their bodies.
 *
 * <p>The request ends when the last write was handed to the socket, which is before the server
 * calls the stream complete: Jetty 12.0 reports a fully sent error page as a failure of the stream,
 * Jetty 12.1 as a success, and both wait for the handler to return.
 */
final class ObservedStream extends HttpStream.Wrapper {
  /** Bytes that a socket takes at once, so that the first goes out when the last does. */
  private static final int ONE_WRITE = 32 * 1024;

  private static final VarHandle FINISHING;
  private static final VarHandle LEAVE;
  private static final VarHandle RECYCLED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      FINISHING = lookup.findVarHandle(ObservedStream.class, "isFinishing", boolean.class);
      LEAVE = lookup.findVarHandle(ObservedStream.class, "leave", Leave.class);
      RECYCLED = lookup.findVarHandle(ObservedStream.class, "isRecycled", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ObservedConnection connection;
  private final Exchange exchange;
  private final Request request;
  private final boolean isHead;

  private @Nullable Write idleWrite;
  private boolean isMalformed;
  private int status;
  private boolean hasBody;
  private long bodyBytes;

  /** Body bytes that the head announced before anything that ends the response, on HTTP/2. */
  private long announced;

  private volatile boolean isFinishing;

  /** Whether Jetty has given the stream up, on HTTP/2; a write may be in flight still. */
  private volatile boolean isFailed;

  /** What ends it once the write in flight has told what it sent, on HTTP/2. */
  private volatile @Nullable Leave leave;

  /** From then on the exchange may be that of the next request: a late caller must not touch it. */
  private volatile boolean isRecycled;

  private volatile @Nullable String route;
  private volatile boolean isDefaultRoute;

  ObservedStream(
      HttpStream stream, ObservedConnection connection, Exchange exchange, Request request) {
    super(stream);
    this.connection = connection;
    this.exchange = exchange;
    this.request = request;
    isHead = HttpMethod.HEAD.is(request.getMethod());
  }

  Exchange exchange() {
    return exchange;
  }

  /** Whether it is the stream of this request, or of what this is wrapped around. */
  boolean isOf(Request asked) {
    return Request.unWrap(asked) == Request.unWrap(request);
  }

  /** The application threw, or failed the request. */
  void thrown(Throwable thrown) {
    if (!isRecycled) {
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

  /** Whether the last write is in flight, or on HTTP/2 the one with the last of the body. */
  boolean isFinishing() {
    return isFinishing;
  }

  @Override
  public Content.Chunk read() {
    Content.Chunk chunk = super.read();
    if (chunk != null && !isRecycled) {
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
    return chunk;
  }

  @Override
  public void send(
      MetaData.Request head,
      MetaData.@Nullable Response response,
      boolean last,
      @Nullable ByteBuffer content,
      Callback callback) {
    super.send(head, response, last, content, observed(response, last, content, callback));
  }

  @Override
  public void succeeded() {
    try {
      if (status != 0 && exchange.isOpen()) {
        complete();
      }
      recycled();
      exchange.release();
    } catch (Throwable t) {
      connection.fault(t);
    }
    super.succeeded();
  }

  @Override
  public void failed(Throwable failure) {
    try {
      boolean isStream = exchange.streamId() != 0;
      isFailed = isStream;
      abort(failure);
      if (!isStream || !isFinishing) {
        recycled();
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
    super.failed(failure);
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

  private Callback observed(
      MetaData.@Nullable Response response,
      boolean last,
      @Nullable ByteBuffer content,
      Callback callback) {
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
          if (exchange.streamId() != 0 && hasBody && !last) {
            announce(response);
          }
          exchange.committed(code, System.nanoTime());
        }
      }
      Write write = idleWrite;
      if (write == null) {
        write = new Write();
      } else {
        idleWrite = null;
      }
      write.begin(last, hasBody ? content : null, callback);
      if (last || (announced > 0 && bodyBytes + write.length == announced)) {
        FINISHING.setRelease(this, true);
      }
      return write;
    } catch (Throwable t) {
      connection.fault(t);
      return callback;
    }
  }

  /** Its client may leave before anything is sent that ends it, and the close then does. */
  private void announce(MetaData.Response response) {
    long told = response.getContentLength();
    announced = told >= 0 ? told : response.getHttpFields().getLongField(HttpHeader.CONTENT_LENGTH);
    exchange.announced(announced);
    tellRoute();
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

  /** Known by the endpoint that is Sonde's own, or by Jetty's having read the end of the stream. */
  private boolean hasClientLeft() {
    return connection.hasPeerLeft() || endPoint().isInputShutdown();
  }

  private EndPoint endPoint() {
    return request.getConnectionMetaData().getConnection().getEndPoint();
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
    } else if (exchange.streamId() == 0 || !(hasClientLeft() || !endPoint().isOpen())) {
      end(AbortKind.HANDLER_FAILED, failure);
    } else {
      // The connection is about to be closed, which ends it and knows whose doing that was.
      tellRoute();
    }
  }

  private void end(AbortKind kind, Throwable failure) {
    // The client of HTTP/2 may have what is in flight, and its leave be told before the write is.
    if (exchange.streamId() != 0 && isFinishing) {
      leave = new Leave(kind, failure);
      if (!isFinishing) {
        left();
      }
      return;
    }
    tellRoute();
    exchange.aborted(kind, failure, bodyBytes, System.nanoTime());
  }

  /** Ends what was left to the write that was in flight; the first call does. */
  private void left() {
    Leave left = (Leave) LEAVE.getAndSet(this, null);
    if (left == null) {
      return;
    }
    if (exchange.isOpen()) {
      tellRoute();
      exchange.aborted(left.kind, left.failure, bodyBytes, System.nanoTime());
    }
  }

  /** Jetty is done with the stream, and so is this with the exchange. */
  private void recycled() {
    try {
      connection.ended(this, request);
    } finally {
      finished();
      RECYCLED.setRelease(this, true);
    }
  }

  /** No write is in flight any more: a close that waited for it may go on. */
  private void finished() {
    // Whoever cleared it before has looked for a close since then.
    if (isFinishing) {
      isFinishing = false;
      if (leave != null) {
        left();
      }
      if (isFailed) {
        connection.ended(this, request);
      }
      connection.settled();
    }
  }

  private Protocol upgradedTo() {
    String protocol = request.getHeaders().get(HttpHeader.UPGRADE);
    return "websocket".equalsIgnoreCase(protocol) ? Protocol.WEBSOCKET : Protocol.UNKNOWN;
  }

  /** Servlets do not let an exception out: the container answers it, and leaves it here. */
  private void tellError() {
    try {
      if (status < HttpStatus.INTERNAL_SERVER_ERROR_500) {
        return;
      }
      if (request.getAttribute(SondeJetty.ERROR_ATTRIBUTE) instanceof Throwable named) {
        exchange.failed(named);
      } else if (request.getAttribute(ErrorHandler.ERROR_EXCEPTION) instanceof Throwable thrown) {
        exchange.failed(thrown);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  private void tellRoute() {
    try {
      // Each look at an attribute takes a lock; most requests that are not a servlet's have none.
      boolean hasAttributes = !request.getAttributeNameSet().isEmpty();
      if (hasAttributes
          && request.getAttribute(SondeJetty.ROUTE_ATTRIBUTE) instanceof String named) {
        exchange.route(named);
      } else if (hasAttributes
          && request.getAttribute(SondeJetty.SPRING_ROUTE) instanceof String matched) {
        exchange.route(matched);
      } else if (!isDefaultRoute || status != HttpStatus.NOT_FOUND_404) {
        exchange.route(route);
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  /** How the request ends. */
  private record Leave(AbortKind kind, Throwable failure) {}

  /** Stands between one write and whoever waits for it; used again for the next. */
  private final class Write implements Callback {
    private @Nullable Callback callback;
    private @Nullable ByteBuffer content;
    private int length;
    private boolean isLast;

    void begin(boolean isLast, @Nullable ByteBuffer content, Callback callback) {
      this.isLast = isLast;
      this.content = content;
      this.callback = callback;
      length = content == null ? 0 : content.remaining();
    }

    @Override
    public void succeeded() {
      Callback waiting = end();
      try {
        if (!isRecycled) {
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
      ByteBuffer rest = content;
      Callback waiting = end();
      try {
        if (!isRecycled) {
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
      try {
        if (isLast) {
          complete();
        }
      } finally {
        finished();
      }
    }

    /** Before the application gets its buffer back and may fill it again. */
    private void broken(@Nullable ByteBuffer rest, Throwable failure) {
      // HTTP/2 takes bytes from the buffer before the socket does: they are not the client's yet.
      if (announced <= 0) {
        bodyBytes += rest == null ? 0 : Math.max(0, length - rest.remaining());
      }
      exchange.sent(bodyBytes);
      writeFailed(failure);
      finished();
    }

    private @Nullable Callback end() {
      Callback waiting = callback;
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
