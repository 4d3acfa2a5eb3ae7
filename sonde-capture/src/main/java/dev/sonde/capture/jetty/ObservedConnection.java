// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.event.Protocol;
import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/** One socket of a Jetty connector: what its endpoint and its requests tell, put together. */
final class ObservedConnection {
  /*
   * Jetty shuts a socket down from within the last write of a response, before the callback of that
   * write runs. If the client has closed its half by then, the endpoint's close comes first, and the
   * response, though sent as a whole, would look cut. So a close that meets a last write in flight
   * waits for its callback: `closing` is set before `isFinishing` is read here, and `isFinishing` is
   * cleared before `closing` is read there; one of the two sees the other. Both of these are
   * volatile stores. On HTTP/2 the client may have the last of a body, and its leave be seen by
   * another thread, before the callback of that write runs: the same holds for each stream.
   *
   * No other field needs a fence of its own, which each request would pay: who serves the next
   * request, or closes, comes after this one by way of Jetty's locks or of the socket. So those that
   * a request changes are stored in release mode, and only when they change.
   */
  private static final VarHandle CURRENT;
  private static final VarHandle BYTES_IN_AT_END;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      CURRENT = lookup.findVarHandle(ObservedConnection.class, "current", ObservedStream.class);
      BYTES_IN_AT_END = lookup.findVarHandle(ObservedConnection.class, "bytesInAtEnd", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ConnectionState state;
  private final int workerId;
  private final AtomicReference<@Nullable Close> closing = new AtomicReference<>();

  /** The one request of HTTP/1 from its head until Jetty recycles its stream. */
  private volatile @Nullable ObservedStream current;

  /** Requests of HTTP/2 by the id that Jetty gives them. */
  private volatile @Nullable Map<String, ObservedStream> streams;

  private volatile @Nullable Connection http;
  private volatile boolean isOutputShut;
  private volatile @Nullable IOException peerFailure;
  private volatile boolean hasPeerLeft;

  /** What an idle time-out will have been the cause of, if the server closes without more ado. */
  private volatile @Nullable CloseHint expired;

  /** Decrypted bytes in at the end of the last request: more of them are a head begun. */
  private volatile long bytesInAtEnd;

  ObservedConnection(ConnectionState state, int workerId) {
    this.state = state;
    this.workerId = workerId;
  }

  ConnectionState state() {
    return state;
  }

  /** Counts a fault of this adapter, which must not reach the server. */
  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }

  void received(int bytes) {
    goesOn();
    state.wire(bytes, 0);
  }

  /** Something happens again, so no time-out is on its way to end it. */
  private void goesOn() {
    if (expired != null) {
      expired = null;
    }
  }

  void sent(long bytes) {
    state.wire(0, bytes);
  }

  /**
   * Bytes were offered to the socket.
   *
   * @param isWhole whether it took them all; if not, Jetty offers the rest as soon as it takes more
   */
  void flushed(boolean isWhole) {
    if (!isWhole) {
      state.writeBlocked(System.nanoTime());
    } else if (state.isWriteBlocked()) {
      state.writeResumed(System.nanoTime());
    }
  }

  /** The client closed its half, or the whole connection if {@code failure} is given. */
  void peerLeft(@Nullable IOException failure) {
    if (peerFailure == null) {
      peerFailure = failure;
    }
    if (!isOutputShut) {
      hasPeerLeft = true;
    }
  }

  void outputShut() {
    isOutputShut = true;
    hintExpired();
  }

  void idleExpired(boolean isWriting, boolean isReading) {
    if (state.listener().isStopping()) {
      // Jetty 12.1 ends idle connections by a short time-out when it stops gracefully.
      return;
    }
    if (state.openRequests() > 0) {
      expired =
          isWriting
              ? CloseHint.WRITE_TIMEOUT
              : isReading ? CloseHint.REQUEST_BODY_TIMEOUT : CloseHint.RESPONSE_TIMEOUT;
    } else if (!state.isClosed()) {
      state.hint(hasHeadBegun() ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT);
    }
  }

  void endPointClosed(@Nullable Throwable cause) {
    if (isCausedByTimeout(cause) && expired == null && state.openRequests() > 0) {
      expired = CloseHint.RESPONSE_TIMEOUT;
    }
    hintExpired();
    Close close;
    IOException failure = peerFailure;
    if (!hasPeerLeft) {
      close = new Close(Initiator.LOCAL, null, System.nanoTime());
    } else if (failure == null && state.protocol() == Protocol.WEBSOCKET) {
      // After a close frame the server is the first to close (RFC 6455 §7.1.1).
      EOFException eof = new EOFException("end of stream without a close frame");
      close = new Close(Initiator.REMOTE, eof, System.nanoTime());
    } else {
      close = new Close(Initiator.REMOTE, failure, System.nanoTime());
    }
    closed(close);
  }

  /** The connection is gone and nobody knows who closed it. */
  void closedUnexplained(long idleTimeoutMillis) {
    long now = System.nanoTime();
    long quietMillis = (now - state.lastNanos()) / 1_000_000;
    if (idleTimeoutMillis > 0
        && quietMillis >= idleTimeoutMillis
        && state.openRequests() == 0
        && !state.listener().isStopping()) {
      state.hint(hasHeadBegun() ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT);
    }
    closed(new Close(Initiator.UNKNOWN, null, now));
  }

  private void closed(Close close) {
    closing.set(close);
    settled();
  }

  /** A last write is no longer in flight: a close that waited for it may go on. */
  void settled() {
    if (closing.get() != null && !isFinishing()) {
      handOnClose();
    }
  }

  private boolean isFinishing() {
    ObservedStream alone = current;
    Map<String, ObservedStream> multiplexed = streams;
    if (multiplexed != null) {
      for (ObservedStream stream : multiplexed.values()) {
        if (stream.isFinishing()) {
          return true;
        }
      }
    }
    return alone != null && alone.isFinishing();
  }

  private void handOnClose() {
    Close close = closing.getAndSet(null);
    if (close != null) {
      state.closed(close.initiator, close.cause, close.nanos);
    }
  }

  void hintExpired() {
    CloseHint hint = expired;
    if (hint != null) {
      state.hint(hint);
    }
  }

  boolean hasPeerLeft() {
    return hasPeerLeft;
  }

  boolean wasReset() {
    return peerFailure != null;
  }

  private boolean hasHeadBegun() {
    Connection connection = http;
    return connection == null
        ? state.wireBytesIn() > 0
        : state.protocol() != Protocol.WEBSOCKET
            && state.protocol() != Protocol.H2
            && connection.getBytesIn() > bytesInAtEnd;
  }

  static boolean isCausedByTimeout(@Nullable Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof TimeoutException) {
        return true;
      }
    }
    return false;
  }

  /** Jetty put a connection on the endpoint: the first, the one inside TLS, or an upgrade. */
  void connectionOpened(Connection connection) {
    Protocol protocol = protocolOf(connection);
    if (protocol == Protocol.UNKNOWN) {
      return;
    }
    http = connection;
    String alpn =
        connection.getEndPoint() instanceof SslConnection.SslEndPoint ssl
            ? ssl.getSslConnection().getSSLEngine().getApplicationProtocol()
            : null;
    if (protocol != state.protocol() || alpn != null) {
      state.protocol(protocol, alpn == null || alpn.isEmpty() ? null : alpn, System.nanoTime());
    }
  }

  void handshakeFailed() {
    // A port scan or a health check that sends nothing has not failed at anything.
    if (state.wireBytesIn() > 0 || !hasPeerLeft) {
      state.hint(CloseHint.TLS_HANDSHAKE_FAILED);
    }
  }

  private static Protocol protocolOf(Connection connection) {
    if (connection instanceof ConnectionMetaData metaData) {
      return isHttp2(metaData.getHttpVersion()) ? Protocol.H2 : Protocol.H1;
    }
    // By name: WebSocket is an optional part of Jetty.
    return connection.getClass().getName().startsWith("org.eclipse.jetty.websocket.")
        ? Protocol.WEBSOCKET
        : Protocol.UNKNOWN;
  }

  private static boolean isHttp2(HttpVersion version) {
    return version == HttpVersion.HTTP_2;
  }

  /** A parsed head reached the handlers; returns what accompanies its stream. */
  ObservedStream begin(Request request) {
    boolean isMultiplexed = isHttp2(request.getConnectionMetaData().getHttpVersion());
    if (isMultiplexed && state.protocol() != Protocol.H2) {
      // After an upgrade, stream 1 is handled before its connection is opened.
      state.protocol(Protocol.H2, null, System.nanoTime());
    }
    Exchange exchange = exchange(request, isMultiplexed);
    HttpFields headers = request.getHeaders();
    String traceparent = headers.get("traceparent");
    if (traceparent != null) {
      exchange.trace(traceparent, headers.get("tracestate"));
    }
    ObservedStream[] made = new ObservedStream[1];
    request.addHttpStreamWrapper(
        stream -> made[0] = new ObservedStream(stream, this, exchange, request));
    ObservedStream stream = made[0];
    goesOn();
    if (isMultiplexed) {
      streams().put(request.getId(), stream);
    } else {
      CURRENT.setRelease(this, stream);
    }
    return stream;
  }

  /** The server answered by itself, without asking any handler. */
  void answered(Request request, int status) {
    boolean isMultiplexed = isHttp2(request.getConnectionMetaData().getHttpVersion());
    long nanos = System.nanoTime();
    // What Jetty logs of a head that it could not parse has no header fields.
    if (!isMultiplexed && status < 500 && request.getHeaders().size() == 0) {
      state.malformed(workerId, status, nanos);
      return;
    }
    Exchange exchange = exchange(request, isMultiplexed);
    if (isMultiplexed && status == HttpStatus.INTERNAL_SERVER_ERROR_500) {
      // Reset before a handler could run: the error page that Jetty logs never goes out.
      exchange.aborted(AbortKind.CLIENT_RESET, null, 0, nanos);
    } else {
      exchange.committed(status, nanos);
      exchange.completed(status, 0, nanos);
    }
  }

  /** What accompanies this request until Jetty recycles its stream; null of any other. */
  @Nullable ObservedStream find(Request request) {
    Map<String, ObservedStream> multiplexed = streams;
    ObservedStream stream = multiplexed == null ? null : multiplexed.get(request.getId());
    if (stream != null) {
      return stream;
    }
    ObservedStream alone = current;
    // A task of an earlier request may still be on its way into its context.
    return alone != null && alone.isOf(request) ? alone : null;
  }

  /** Jetty is about to recycle the stream. */
  void ended(ObservedStream stream, Request request) {
    Map<String, ObservedStream> multiplexed = streams;
    if (current == stream) {
      Connection connection = http;
      long bytesIn = connection == null ? 0 : connection.getBytesIn();
      BYTES_IN_AT_END.setRelease(this, bytesIn);
      CURRENT.setRelease(this, null);
    } else if (multiplexed != null) {
      multiplexed.remove(request.getId(), stream);
    }
  }

  private Exchange exchange(Request request, boolean isMultiplexed) {
    HttpURI uri = request.getHttpURI();
    String path = uri.getPath();
    long streamId = isMultiplexed ? Long.parseLong(request.getId()) : 0;
    return state.begin(
        workerId,
        streamId,
        request.getMethod(),
        path == null ? uri.asString() : path,
        request.getConnectionMetaData().getHttpVersion().asString(),
        request.getHeadersNanoTime());
  }

  private Map<String, ObservedStream> streams() {
    Map<String, ObservedStream> known = streams;
    if (known == null) {
      synchronized (this) {
        known = streams;
        if (known == null) {
          known = new ConcurrentHashMap<>();
          streams = known;
        }
      }
    }
    return known;
  }

  /** How the endpoint was closed. */
  private record Close(Initiator initiator, @Nullable Throwable cause, long nanos) {}
}
