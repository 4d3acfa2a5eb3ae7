// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a server, from its accept to its close.
 *
 * <p>All methods may be called from any thread and never throw. Times are monotonic nanoseconds, as
 * of {@code System.nanoTime()}; one that lies before an earlier one of this connection is moved up
 * to it.
 */
public final class ConnectionState {
  /*
   * Servers report the end of a request and the close of its connection from different threads, in
   * either order. Three rules keep the events in order without a lock:
   *
   * - `pending` counts the open connection itself and every request that has begun and not yet been
   *   handed on. Whoever brings it to zero hands on the close, so a close never overtakes an end.
   *   From zero it never rises again.
   * - close() first raises `closed`, then visits the open requests; begin() first enters the request,
   *   then looks at `closed`. One of the two sees the other, and the request's own state lets only
   *   one of them end it.
   * - The first hint wins, and a request that fails leaves its hint before it leaves the open set.
   */
  private static final VarHandle PENDING;
  private static final VarHandle CLOSED;
  private static final VarHandle HINT;
  private static final VarHandle CURRENT;
  private static final VarHandle SERVED;
  private static final VarHandle BODY_BYTES;
  private static final VarHandle WIRE_IN;
  private static final VarHandle WIRE_OUT;
  private static final VarHandle LAST_NANOS;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?> type = ConnectionState.class;
      PENDING = lookup.findVarHandle(type, "pending", int.class);
      CLOSED = lookup.findVarHandle(type, "closed", boolean.class);
      HINT = lookup.findVarHandle(type, "hint", CloseHint.class);
      CURRENT = lookup.findVarHandle(type, "current", Exchange.class);
      SERVED = lookup.findVarHandle(type, "requestsServed", long.class);
      BODY_BYTES = lookup.findVarHandle(type, "bodyBytesSent", long.class);
      WIRE_IN = lookup.findVarHandle(type, "wireBytesIn", long.class);
      WIRE_OUT = lookup.findVarHandle(type, "wireBytesOut", long.class);
      LAST_NANOS = lookup.findVarHandle(type, "lastNanos", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final ListenerScope listener;
  private final long id = ConnectionIds.next();
  private final int workerId;
  private final @Nullable SocketAddress remote;
  private final @Nullable SocketAddress local;
  private final boolean tls;
  private final long openedNanos;

  private volatile Protocol protocol;
  private volatile @Nullable String alpn;
  private volatile @Nullable Object attachment;

  private volatile int pending = 1;
  private volatile boolean closed;
  private volatile @Nullable CloseHint hint;

  /** The one open request of HTTP/1; requests beside it are in {@link #others}. */
  private volatile @Nullable Exchange current;

  /** Open requests while {@link #current} is taken: HTTP/2 streams, pipelined requests. */
  private volatile @Nullable Set<Exchange> others;

  private volatile long requestsServed;
  private volatile long bodyBytesSent;
  private volatile long wireBytesIn;
  private volatile long wireBytesOut;
  private volatile long lastNanos;

  // Written by the thread that closes, before it gives up its share of `pending`.
  private long closedNanos;
  private CloseReason closeReason = CloseReason.COMPLETE;
  private @Nullable String closeDetail;

  ConnectionState(
      ListenerScope listener,
      int workerId,
      @Nullable SocketAddress remote,
      @Nullable SocketAddress local,
      Protocol protocol,
      boolean tls,
      long nanos) {
    this.listener = listener;
    this.workerId = workerId;
    this.remote = remote;
    this.local = local;
    this.protocol = protocol;
    this.tls = tls;
    this.openedNanos = nanos;
    this.lastNanos = nanos;
  }

  /**
   * What is spoken became known: by ALPN, by a preface, by an upgrade.
   *
   * @param alpn name agreed on in the TLS handshake, or null
   */
  public void protocol(Protocol protocol, @Nullable String alpn, long nanos) {
    this.protocol = protocol;
    if (alpn != null) {
      this.alpn = alpn;
    }
    advance(nanos);
  }

  /** Adds bytes that crossed the socket, heads, framing and TLS records included. */
  public void wire(long bytesIn, long bytesOut) {
    if (bytesIn != 0) {
      WIRE_IN.getAndAdd(this, bytesIn);
    }
    if (bytesOut != 0) {
      WIRE_OUT.getAndAdd(this, bytesOut);
    }
  }

  /**
   * The head of a request was fully parsed.
   *
   * @param workerId index of the event loop or worker that parsed it, or -1 if unknown
   * @param streamId HTTP/2 stream, 0 on HTTP/1
   * @param path as received; query string and path parameters are not kept
   * @param httpVersion such as {@code HTTP/1.1}
   * @return the request; of a closed connection one that has already ended
   */
  public Exchange begin(
      int workerId, long streamId, String method, String path, String httpVersion, long nanos) {
    Exchange exchange =
        new Exchange(
            this,
            workerId,
            streamId,
            method,
            RequestPath.withoutParameters(path),
            httpVersion,
            advance(nanos));
    if (!acquire()) {
      exchange.discard();
      listener.late();
      return exchange;
    }
    enter(exchange);
    if (closed) {
      exchange.discard();
      listener.late();
      leave(exchange);
      return exchange;
    }
    try {
      listener.outlet().requestStarted(exchange);
    } catch (Throwable t) {
      listener.fault(t);
    }
    exchange.opened();
    return exchange;
  }

  /**
   * The server could not parse a request head.
   *
   * @param statusOr0 status that it answered, or 0 if it answered nothing
   */
  public void malformed(int workerId, int statusOr0, long nanos) {
    hint(CloseHint.MALFORMED_REQUEST);
    begin(workerId, 0, "-", "-", "-", nanos).rejected(statusOr0, nanos);
  }

  /** Tells why the connection is about to end; only the first hint of a connection counts. */
  public void hint(CloseHint hint) {
    HINT.compareAndSet(this, null, hint);
  }

  /**
   * The connection ended; later calls are counted and ignored.
   *
   * <p>Requests that are still open end with it: as abandoned by the client unless a hint or {@code
   * initiator} says that it was the server.
   *
   * @param cause what broke it, or null
   */
  public void closed(Initiator initiator, @Nullable Throwable cause, long nanos) {
    if (!CLOSED.compareAndSet(this, false, true)) {
      listener.late();
      return;
    }
    if (hint == null && listener.isStopping()) {
      hint(CloseHint.SHUTDOWN);
    }
    closedNanos = advance(nanos);
    boolean byServer = initiator == Initiator.LOCAL && !(cause instanceof IOException);
    CloseHint told = hint;
    boolean clientLeft =
        (told == null || told.reason() == CloseReason.COMPLETE)
            ? !byServer
            : told.reason() == CloseReason.CLIENT_DISCONNECT;
    boolean cut = abortOpen(told, clientLeft, nanos);
    infer(cut, clientLeft, cause);
    release();
  }

  /** An object of the adapter's own, to find its state again. */
  public void attach(@Nullable Object attachment) {
    this.attachment = attachment;
  }

  /** What was {@linkplain #attach attached}, or null. */
  public @Nullable Object attachment() {
    return attachment;
  }

  /** Number of the connection, unique and increasing within this process. */
  public long id() {
    return id;
  }

  /** The listener that accepted it. */
  public ListenerScope listener() {
    return listener;
  }

  /** Index of the event loop or worker that owns it, or -1 if unknown. */
  public int workerId() {
    return workerId;
  }

  /** IP address of the peer, or {@code ""} if unknown; never looks a name up. */
  public String clientAddress() {
    return address(remote);
  }

  /** TCP port of the peer, or -1 if unknown. */
  public int clientPort() {
    return port(remote);
  }

  /** IP address that accepted, or {@code ""} if unknown. */
  public String serverAddress() {
    return address(local);
  }

  /** TCP port that accepted, or -1 if unknown. */
  public int serverPort() {
    return port(local);
  }

  /** What is spoken, as far as known. */
  public Protocol protocol() {
    return protocol;
  }

  /** Name agreed on in the TLS handshake, or null. */
  public @Nullable String alpn() {
    return alpn;
  }

  /** Whether the listener speaks TLS. */
  public boolean isTls() {
    return tls;
  }

  /** When it was accepted. */
  public long openedNanos() {
    return openedNanos;
  }

  /** When something last happened on it. */
  public long lastNanos() {
    return lastNanos;
  }

  /** Requests whose response was completed so far. */
  public long requestsServed() {
    return requestsServed;
  }

  /** Body bytes of all of its responses so far, those cut short included. */
  public long bodyBytesSent() {
    return bodyBytesSent;
  }

  /** Bytes that came in over the socket, 0 where the adapter cannot see them. */
  public long wireBytesIn() {
    return wireBytesIn;
  }

  /** Bytes that went out over the socket, 0 where the adapter cannot see them. */
  public long wireBytesOut() {
    return wireBytesOut;
  }

  /** Requests that have begun and not ended. */
  public int openRequests() {
    return Math.max(0, pending - (closed ? 0 : 1));
  }

  /** Hands every request that is open now to {@code visitor}; weakly consistent. */
  public void visitOpenRequests(Consumer<? super Exchange> visitor) {
    Exchange first = current;
    if (first != null) {
      visitor.accept(first);
    }
    Set<Exchange> set = others;
    if (set != null) {
      set.forEach(visitor);
    }
  }

  /** Whether {@link #closed} was called. */
  public boolean isClosed() {
    return closed;
  }

  /** When it ended; known once it was handed to {@link CaptureOutlet#connectionClosed}. */
  public long closedNanos() {
    return closedNanos;
  }

  /** Why it ended; known once it was handed to {@link CaptureOutlet#connectionClosed}. */
  public CloseReason closeReason() {
    return closeReason;
  }

  /** More about why it ended, or null. */
  public @Nullable String closeDetail() {
    return closeDetail;
  }

  @Override
  public String toString() {
    return "connection " + id + " " + clientAddress() + ":" + clientPort() + " " + protocol;
  }

  /**
   * Moves the connection's time up to {@code nanos}; returns a time that is not before any other.
   */
  long advance(long nanos) {
    long last = lastNanos;
    while (nanos - last > 0) {
      long seen = (long) LAST_NANOS.compareAndExchange(this, last, nanos);
      if (seen == last) {
        return nanos;
      }
      last = seen;
    }
    return last;
  }

  /** Hands on the end of a request and takes it from the open ones. */
  void ended(Exchange exchange) {
    if (exchange.hasResponse()) {
      SERVED.getAndAdd(this, 1L);
    }
    BODY_BYTES.getAndAdd(this, exchange.bytesOut());
    try {
      listener.outlet().requestEnded(exchange);
    } catch (Throwable t) {
      listener.fault(t);
    }
    leave(exchange);
  }

  private void enter(Exchange exchange) {
    if (!CURRENT.compareAndSet(this, null, exchange)) {
      Set<Exchange> set = others;
      if (set == null) {
        synchronized (this) {
          set = others;
          if (set == null) {
            set = ConcurrentHashMap.newKeySet();
            others = set;
          }
        }
      }
      set.add(exchange);
    }
  }

  private void leave(Exchange exchange) {
    if (!CURRENT.compareAndSet(this, exchange, null)) {
      Set<Exchange> set = others;
      if (set != null) {
        set.remove(exchange);
      }
    }
    release();
  }

  /** Ends every open request; returns whether there was one. */
  private boolean abortOpen(@Nullable CloseHint told, boolean clientLeft, long nanos) {
    boolean cut = false;
    Exchange first = current;
    if (first != null) {
      cut = first.cutByClose(told, clientLeft, nanos);
    }
    Set<Exchange> set = others;
    if (set != null) {
      for (Exchange exchange : set) {
        cut |= exchange.cutByClose(told, clientLeft, nanos);
      }
    }
    return cut;
  }

  private void infer(boolean cut, boolean clientLeft, @Nullable Throwable cause) {
    CloseHint told = hint;
    // A hint of a good end cannot be why a request was cut.
    if (told != null && !(cut && told.reason() == CloseReason.COMPLETE)) {
      closeReason = told.reason();
      closeDetail = told.detail();
    } else if (cut) {
      closeReason = clientLeft ? CloseReason.CLIENT_DISCONNECT : CloseReason.ERROR;
      if (!clientLeft) {
        closeDetail = CloseHint.ABORTED_BY_APP.detail();
      } else if (cause != null) {
        closeDetail = CloseHint.CONNECTION_RESET.detail();
      }
    } else if (clientLeft && cause != null && protocol == Protocol.WEBSOCKET) {
      closeReason = CloseReason.CLIENT_DISCONNECT;
      closeDetail = CloseHint.CONNECTION_RESET.detail();
    }
  }

  private boolean acquire() {
    int count = pending;
    while (count > 0) {
      int seen = (int) PENDING.compareAndExchange(this, count, count + 1);
      if (seen == count) {
        return true;
      }
      count = seen;
    }
    return false;
  }

  private void release() {
    if ((int) PENDING.getAndAdd(this, -1) == 1) {
      closedNanos = advance(closedNanos);
      listener.forget(this);
      try {
        listener.outlet().connectionClosed(this);
      } catch (Throwable t) {
        listener.fault(t);
      }
    }
  }

  private static String address(@Nullable SocketAddress address) {
    if (address instanceof InetSocketAddress inet) {
      InetAddress ip = inet.getAddress();
      if (ip == null) {
        return "";
      }
      String text = ip.getHostAddress();
      int zone = text.indexOf('%');
      return zone < 0 ? text : text.substring(0, zone);
    }
    return "";
  }

  private static int port(@Nullable SocketAddress address) {
    return address instanceof InetSocketAddress inet ? inet.getPort() : -1;
  }
}
