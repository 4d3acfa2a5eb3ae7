// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import static java.util.Objects.requireNonNull;

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
public final class ConnectionState extends Padding {
  /*
   * Servers report the end of a request and the close of its connection from different threads, in
   * either order. These rules keep the events in order without a lock:
   *
   * - `pending` counts what a close has to wait for: the open connection itself, the place of the
   *   request that is alone on it, and every request among others that was begun and not yet handed
   *   on. Whoever brings it to zero hands on the close, so a close never overtakes an end. From zero
   *   it never rises again.
   * - Among others: close() first raises `closed`, then visits the open requests; begin() first
   *   enters the request, then looks at `closed`. One of the two sees the other, and the request's
   *   own state lets only one of them end it.
   * - Alone: begin() only stores its state, without a fence. The end claims the state by a
   *   compare-and-set and then looks at `closed`; close() raises `closed` and then looks at the
   *   state. So if close() found nobody, the end finds `closed`. Who first raises `settled` gives up
   *   the place's share of `pending`: close(), and the request counts as begun after it and is not
   *   handed on; or the end, and close() leaves the rest to it.
   * - A close() that finds an end being handed on leaves the share to it as well: it raises
   *   `leftToEnd` and looks at the state once more. The end stores ENDED and then looks at
   *   `leftToEnd`, without a fence between the two, which every request would pay for: its look may
   *   come too early by as long as a store takes to be seen. So all of them go through sweep(), and
   *   anybody may call it later: it looks at both, and gives up the share if nobody has.
   * - The place may have been taken again before an end looks, and the end that the close was left
   *   to be that of the next request. sweep() leaves the share to whichever is being handed on.
   * - The first hint wins, and a request that fails leaves its hint before it leaves the open set.
   */
  private static final VarHandle PENDING;
  private static final VarHandle CLOSED;
  private static final VarHandle HINT;
  private static final VarHandle SETTLED;
  private static final VarHandle ALONE;
  private static final VarHandle SERVED_ALONE;
  private static final VarHandle BYTES_ALONE;
  private static final VarHandle SERVED;
  private static final VarHandle BODY_BYTES;
  private static final VarHandle WIRE_IN;
  private static final VarHandle WIRE_OUT;
  private static final VarHandle LAST_NANOS;
  private static final VarHandle BLOCKED;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?> type = ConnectionState.class;
      PENDING = lookup.findVarHandle(type, "pending", int.class);
      CLOSED = lookup.findVarHandle(type, "closed", boolean.class);
      HINT = lookup.findVarHandle(type, "hint", CloseHint.class);
      SETTLED = lookup.findVarHandle(type, "settled", boolean.class);
      ALONE = lookup.findVarHandle(type, "alone", Exchange.class);
      SERVED_ALONE = lookup.findVarHandle(type, "servedAlone", long.class);
      BYTES_ALONE = lookup.findVarHandle(type, "bytesAlone", long.class);
      SERVED = lookup.findVarHandle(type, "servedAmongOthers", long.class);
      BODY_BYTES = lookup.findVarHandle(type, "bytesAmongOthers", long.class);
      WIRE_IN = lookup.findVarHandle(type, "wireBytesIn", long.class);
      WIRE_OUT = lookup.findVarHandle(type, "wireBytesOut", long.class);
      LAST_NANOS = lookup.findVarHandle(type, "lastNanos", long.class);
      BLOCKED = lookup.findVarHandle(type, "blocked", long.class);
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

  private volatile int pending = 2;
  private volatile boolean closed;

  private volatile boolean settled;
  private volatile boolean leftToEnd;

  private volatile @Nullable CloseHint hint;

  /** The request that has the connection for itself, or had: every one of HTTP/1. */
  private @Nullable Exchange alone;

  /** Open requests beside it: HTTP/2 streams, pipelined requests. */
  private volatile @Nullable Set<Exchange> others;

  // Requests that are alone come one after another, so these have one writer at a time.
  private long nextRequestId;
  private long lastRequestId = -1;
  private long servedAlone;
  private long bytesAlone;
  private long wireBytesIn;
  private long wireBytesOut;

  /**
   * Twice the nanoseconds in which the socket took no more, if it takes more now. Otherwise twice
   * what is to be added to the connection's age to have them, plus 1: so one read gets a sum that
   * is right, whoever reads.
   */
  private long blocked;

  private volatile @Nullable Upgrade upgrade;

  private volatile long servedAmongOthers;
  private volatile long bytesAmongOthers;
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

  /**
   * Adds bytes that crossed the socket, heads, framing and TLS records included.
   *
   * <p>Calls with bytes in come one at a time, and so do calls with bytes out.
   */
  public void wire(long bytesIn, long bytesOut) {
    if (bytesIn != 0) {
      WIRE_IN.setOpaque(this, wireBytesIn + bytesIn);
    }
    if (bytesOut != 0) {
      WIRE_OUT.setOpaque(this, wireBytesOut + bytesOut);
    }
  }

  /**
   * The socket takes no more: what is to be sent now waits for the client.
   *
   * <p>Reports of this and of {@link #writeResumed} come one at a time; one that is already known
   * is ignored.
   */
  public void writeBlocked(long nanos) {
    if ((blocked & 1) == 0) {
      BLOCKED.setOpaque(this, (blocked - ((nanos - openedNanos) << 1)) | 1);
    }
  }

  /** The socket has taken what was waiting. */
  public void writeResumed(long nanos) {
    if ((blocked & 1) != 0) {
      BLOCKED.setOpaque(this, blockedNanos(nanos) << 1);
    }
  }

  /** Whether it is {@linkplain #writeBlocked blocked}; for whoever reports that. */
  public boolean isWriteBlocked() {
    return (blocked & 1) != 0;
  }

  /** Nanoseconds up to {@code nanos} in which bytes waited because the client took no more. */
  long blockedNanos(long nanos) {
    long value = (long) BLOCKED.getOpaque(this);
    return (value & 1) == 0 ? value >> 1 : (value >> 1) + (nanos - openedNanos);
  }

  /**
   * The head of a request was fully parsed.
   *
   * <p>The heads of HTTP/1 are reported one after another; those of HTTP/2 streams may come from
   * several threads at once.
   *
   * @param workerId index of the event loop or worker that parsed it, or -1 if unknown
   * @param streamId HTTP/2 stream, 0 on HTTP/1
   * @param path as received; query string and path parameters are not kept
   * @param httpVersion such as {@code HTTP/1.1}
   * @return the request; of a closed connection one that has already ended
   */
  public Exchange begin(
      int workerId, long streamId, String method, String path, String httpVersion, long nanos) {
    if (streamId == 0 && !listener.tellsEveryStart() && !closed) {
      Exchange last = alone;
      if (last == null || !last.isInUse()) {
        return beginAlone(last, workerId, method, path, httpVersion, nanos);
      }
    }
    return requireNonNull(
        beginAmongOthers(
            workerId, streamId, method, path, httpVersion, nanos, /* isLate= */ false));
  }

  /**
   * The head of a request was parsed at {@code nanos}, and its connection becomes known only now.
   *
   * <p>Unlike one of {@link #begin} its start is not moved up to what was reported meanwhile of
   * other requests: that would hide how long it waited. Any thread.
   *
   * @param workerId index of the event loop or worker that parsed it, or -1 if unknown
   * @param streamId not 0, for it is one among others
   * @param path as received; query string and path parameters are not kept
   * @return the request; null if its connection is closed already, and nothing was told then
   */
  public @Nullable Exchange beginLate(
      int workerId, long streamId, String method, String path, String httpVersion, long nanos) {
    return beginAmongOthers(
        workerId, streamId, method, path, httpVersion, nanos, /* isLate= */ true);
  }

  private Exchange beginAlone(
      @Nullable Exchange last,
      int workerId,
      String method,
      String path,
      String httpVersion,
      long nanos) {
    Exchange exchange =
        last != null && last.isReusable() ? last : new Exchange(this, /* isAlone= */ true);
    exchange.head(nextId(), workerId, 0, method, path, httpVersion, advance(nanos));
    tellStart(exchange);
    exchange.openAlone();
    if (exchange != last) {
      ALONE.setRelease(this, exchange);
    }
    return exchange;
  }

  private @Nullable Exchange beginAmongOthers(
      int workerId,
      long streamId,
      String method,
      String path,
      String httpVersion,
      long nanos,
      boolean isLate) {
    Exchange exchange = new Exchange(this, /* isAlone= */ false);
    long id = streamId == 0 ? nextId() : RequestIds.next();
    Set<Exchange> set = others();
    long reported = advance(nanos);
    long start = isLate ? openedNanos + Math.max(0, nanos - openedNanos) : reported;
    exchange.head(id, workerId, streamId, method, path, httpVersion, start);
    if (!acquire()) {
      return discarded(exchange, isLate);
    }
    set.add(exchange);
    if (closed) {
      leave(exchange);
      return discarded(exchange, isLate);
    }
    tellStart(exchange);
    exchange.opened();
    return exchange;
  }

  /** It came after the close: a call in vain, unless its adapter did not know better. */
  private @Nullable Exchange discarded(Exchange exchange, boolean isLate) {
    exchange.discard();
    if (isLate) {
      return null;
    }
    listener.late();
    return exchange;
  }

  private void tellStart(Exchange exchange) {
    try {
      listener.outlet().requestStarted(exchange);
    } catch (Throwable t) {
      listener.fault(t);
    }
  }

  private long nextId() {
    long id = nextRequestId;
    if (id > lastRequestId) {
      id = RequestIds.nextBlock();
      lastRequestId = id + RequestIds.BLOCK - 1;
    }
    nextRequestId = id + 1;
    return id;
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
    closedNanos = latest(nanos);
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

  /**
   * IP address of the peer, or {@code ""} if unknown; never looks a name up. Of an address that the
   * adapter gave unresolved, its text.
   */
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
    return (long) SERVED_ALONE.getOpaque(this) + servedAmongOthers;
  }

  /** Body bytes of all of its responses so far, those cut short included. */
  public long bodyBytesSent() {
    return (long) BYTES_ALONE.getOpaque(this) + bytesAmongOthers;
  }

  /** Bytes that came in over the socket, 0 where the adapter cannot see them. */
  public long wireBytesIn() {
    return (long) WIRE_IN.getOpaque(this);
  }

  /** Bytes that went out over the socket, 0 where the adapter cannot see them. */
  public long wireBytesOut() {
    return (long) WIRE_OUT.getOpaque(this);
  }

  /** Requests that have begun and not ended. */
  public int openRequests() {
    Exchange single = (Exchange) ALONE.getAcquire(this);
    Set<Exchange> set = others;
    return (single != null && single.isInUse() ? 1 : 0) + (set == null ? 0 : set.size());
  }

  /** Hands every request that is open now to {@code visitor}; weakly consistent. */
  public void visitOpenRequests(Consumer<? super Exchange> visitor) {
    Exchange single = (Exchange) ALONE.getAcquire(this);
    if (single != null && single.isOpen()) {
      visitor.accept(single);
    }
    Set<Exchange> set = others;
    if (set != null) {
      set.forEach(visitor);
    }
  }

  /** The request by which it became a stream, or null. */
  public @Nullable Upgrade upgrade() {
    return upgrade;
  }

  void upgraded(Upgrade became) {
    upgrade = became;
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
   * Moves the connection's time up to {@code nanos}; returns a time that is not before any other
   * that was told before.
   */
  long advance(long nanos) {
    long last = (long) LAST_NANOS.getOpaque(this);
    if (others == null && nanos - last > 0) {
      LAST_NANOS.setOpaque(this, nanos);
      return nanos;
    }
    while (nanos - last > 0) {
      long seen = (long) LAST_NANOS.compareAndExchange(this, last, nanos);
      if (seen == last) {
        return nanos;
      }
      last = seen;
    }
    return last;
  }

  private long latest(long nanos) {
    long last = lastNanos;
    return nanos - last > 0 ? nanos : last;
  }

  /** Hands on the end of a request and takes it from the open ones. */
  void ended(Exchange exchange) {
    try {
      long served = exchange.hasResponse() ? 1 : 0;
      if (exchange.isAlone()) {
        SERVED_ALONE.setOpaque(this, servedAlone + served);
        BYTES_ALONE.setOpaque(this, bytesAlone + exchange.bytesOut());
      } else {
        SERVED.getAndAdd(this, served);
        BODY_BYTES.getAndAdd(this, exchange.bytesOut());
      }
      listener.outlet().requestEnded(exchange);
    } catch (Throwable t) {
      listener.fault(t);
    } finally {
      // Whatever went wrong, such as the end of the stack: the close waits for it.
      if (exchange.isAlone()) {
        exchange.finish();
      } else {
        leave(exchange);
      }
    }
  }

  /** Whether the caller is the one to give up the share that the place of a lone request has. */
  boolean settle() {
    return SETTLED.compareAndSet(this, false, true);
  }

  /** Gives up the share that the place of a lone request has, unless somebody else does. */
  void settleAndRelease() {
    if (settle()) {
      release();
    }
  }

  /** The close found an end being handed on, which looks for the close afterwards. */
  void leaveToEnd() {
    leftToEnd = true;
  }

  /** Hands on the close if it was left to an end, and none is being handed on any more. */
  void sweep() {
    if (leftToEnd && !settled) {
      Exchange single = (Exchange) ALONE.getAcquire(this);
      // One that is open has begun after the close, like one that close() does not find.
      if (single != null && !single.isEnding()) {
        settleAndRelease();
      }
    }
  }

  private Set<Exchange> others() {
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
    return set;
  }

  private void leave(Exchange exchange) {
    others().remove(exchange);
    release();
  }

  /** Ends every open request; returns whether there was one. */
  private boolean abortOpen(@Nullable CloseHint told, boolean clientLeft, long nanos) {
    boolean cut = false;
    Exchange single = (Exchange) ALONE.getVolatile(this);
    if (single != null) {
      cut = single.cutAloneByClose(told, clientLeft, nanos);
    } else {
      settleAndRelease();
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

  void release() {
    if ((int) PENDING.getAndAdd(this, -1) == 1) {
      closedNanos = latest(closedNanos);
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
      // Of an unresolved one the text is all there is.
      String text = ip == null ? inet.getHostString() : ip.getHostAddress();
      int zone = text.indexOf('%');
      return zone < 0 ? text : text.substring(0, zone);
    }
    return "";
  }

  private static int port(@Nullable SocketAddress address) {
    return address instanceof InetSocketAddress inet ? inet.getPort() : -1;
  }
}
