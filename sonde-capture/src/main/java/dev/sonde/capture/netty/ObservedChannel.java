// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.handler.ssl.AbstractSniHandler;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.handler.timeout.TimeoutException;
import io.netty.handler.timeout.WriteTimeoutHandler;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.EventExecutor;
import java.io.EOFException;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One accepted channel: what its handlers tell, put together. */
final class ObservedChannel implements ChannelFutureListener {
  /*
   * All of it happens on the channel's event loop: the handlers run there, and so do the listeners
   * of promises. The exceptions are the application's word on a request, a close by another
   * thread, which Netty hands to the event loop before any handler sees it, and a promise that the
   * application made for an executor of its own: the end of a wait is handed to the event loop.
   *
   * The codec is looked for until it is found, because applications put it there at the accept,
   * after the handshake of TLS, after an upgrade, or after a look at the first bytes. What passes
   * the first handler shows each of these: the first bytes in, and the preface that HTTP/2 writes
   * as soon as it is put into the pipeline.
   */
  private static final AttributeKey<ObservedChannel> KEY =
      AttributeKey.valueOf(ObservedChannel.class, "connection");

  /** HTTP/2 is an optional part of Netty. */
  private static final boolean HAS_HTTP2 =
      NettyWatch.isPresent("io.netty.handler.codec.http2.Http2ConnectionHandler");

  /**
   * How long a close by the server, for which nothing was seen to be the reason, may be the first
   * sign of its stop: Vert.x 4 closes its connections first, and then the listener.
   */
  private static final long STOP_GRACE_MILLIS = 1000;

  private final Channel channel;
  private final ConnectionState state;
  private final int workerId;
  private final boolean isServed;

  private ChannelHead head = new ChannelHead(this);
  private @Nullable Requests requests;

  /** The request that is to be answered in HTTP/2. */
  private @Nullable Exchange upgrading;

  private boolean isSettled;
  private boolean isProbed;
  private boolean isEmptied;

  private boolean isHeadBegun;
  private boolean isClosedHere;
  private boolean hasPeerLeft;
  private boolean hasSaidGoodbye;
  private @Nullable IOException peerFailure;

  /** The newest write for which the socket had no room, if it tells when it is out. */
  private @Nullable ChannelFuture blockedBy;

  /** Sort of promise that takes no listeners. */
  private @Nullable Class<?> deaf;

  /** What an idle time-out will have been the cause of, if the server closes without more ado. */
  private @Nullable CloseHint expired;

  private ObservedChannel(Channel channel, ConnectionState state, int workerId, boolean isServed) {
    this.channel = channel;
    this.state = state;
    this.workerId = workerId;
    this.isServed = isServed;
  }

  /**
   * Observes a channel from now on, unless it is observed already.
   *
   * @param isServed whether a server's own adapter knows more, see {@link ServedRequest}
   */
  static void observe(Channel channel, ListenerScope scope, boolean isServed) {
    if (channel.hasAttr(KEY)) {
      return;
    }
    ChannelPipeline pipeline = channel.pipeline();
    ChannelHandlerContext tls = pipeline.context(SslHandler.class);
    if (tls == null) {
      tls = pipeline.context(AbstractSniHandler.class);
    }
    int workerId = indexOf(channel.eventLoop());
    ConnectionState state =
        scope.opened(
            workerId,
            channel.remoteAddress(),
            channel.localAddress(),
            Protocol.UNKNOWN,
            tls != null,
            System.nanoTime());
    ObservedChannel connection = new ObservedChannel(channel, state, workerId, isServed);
    channel.attr(KEY).set(connection);
    pipeline.addFirst(connection.head);
    if (tls != null) {
      pipeline.addAfter(tls.name(), null, new TlsTap(connection));
    }
    connection.watchIdleness();
    connection.find();
    channel.closeFuture().addListener(connection);
  }

  /** What observes a channel or, of a stream, its connection; null if nothing does. */
  static @Nullable ObservedChannel of(Channel channel) {
    if (channel.hasAttr(KEY)) {
      return channel.attr(KEY).get();
    }
    Channel parent = channel.parent();
    return parent != null && parent.hasAttr(KEY) ? parent.attr(KEY).get() : null;
  }

  ConnectionState state() {
    return state;
  }

  int workerId() {
    return workerId;
  }

  /** Whether a server's own adapter knows more. */
  boolean isServed() {
    return isServed;
  }

  ChannelPipeline pipeline() {
    return channel.pipeline();
  }

  @Nullable Exchange request(Channel asked) {
    Requests known = requests;
    return known == null ? null : known.request(asked);
  }

  /** Whether every flush comes by: none can be asked for nearer to the socket. */
  boolean seesFlushes() {
    return channel.pipeline().first() == head;
  }

  /** Counts a fault of this adapter, which must not reach the server. */
  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }

  /** Bytes came in over the socket. */
  void received(int bytes) {
    expired = null;
    state.wire(bytes, 0);
    lookAgain();
    if (state.isTls()) {
      findUnlessFound();
    } else {
      headBegun();
      findOrProbe();
    }
  }

  /** Bytes go out over the socket. */
  void sent(long bytes) {
    state.wire(0, bytes);
    lookAgain();
    findUnlessFound();
  }

  /**
   * What was written was flushed.
   *
   * @param newest the last of it, which tells when the socket has taken it, unless it is deaf
   */
  void flushed(ChannelPromise newest) {
    Requests known = requests;
    if (known != null) {
      known.flushed();
    }
    if (!isWaiting()) {
      return;
    }
    // One that is done already has failed, and says nothing of those before it.
    if (listen(newest, this::written) && !newest.isDone()) {
      state.writeBlocked(System.nanoTime());
      blockedBy = newest;
    } else if (blockedBy == null && !channel.isWritable()) {
      // Nobody tells when it is out, but that less waits will be told.
      state.writeBlocked(System.nanoTime());
    }
  }

  /** Whether a promise is known to take no listeners, so that none need be made for it. */
  boolean isDeaf(ChannelPromise promise) {
    return promise.isVoid() || promise.getClass() == deaf;
  }

  /** Listens to a promise; false if it takes no listeners. */
  boolean listen(ChannelPromise promise, ChannelFutureListener listener) {
    if (isDeaf(promise)) {
      return false;
    }
    try {
      promise.addListener(listener);
      return true;
    } catch (UnsupportedOperationException e) {
      // Reactor Netty streams with a promise of its own, which tells nobody but itself.
      deaf = promise.getClass();
      return false;
    }
  }

  /** A write has ended; on the thread of its promise, which may be one of the application's. */
  private void written(ChannelFuture write) {
    long nanos = System.nanoTime();
    EventLoop loop = channel.eventLoop();
    if (loop.inEventLoop()) {
      drained(write, nanos);
      return;
    }
    try {
      loop.execute(() -> drained(write, nanos));
    } catch (RejectedExecutionException e) {
      // The loop has ended, and this connection with it.
    }
  }

  private void drained(ChannelFuture write, long nanos) {
    // What was flushed later and waits, too, has a say of its own.
    if (blockedBy == write) {
      blockedBy = null;
      // What waits when the connection is closed has waited until then.
      if (write.isSuccess() || (channel.isOpen() && !isWaiting())) {
        state.writeResumed(nanos);
      }
    }
  }

  /** Whether the socket has yet to take what was written. */
  private boolean isWaiting() {
    ChannelOutboundBuffer waiting = channel.unsafe().outboundBuffer();
    return waiting != null && !waiting.isEmpty();
  }

  void writabilityChanged() {
    if (blockedBy == null && channel.isWritable() && state.isWriteBlocked()) {
      state.writeResumed(System.nanoTime());
    }
  }

  /**
   * The handler next to the socket was taken away.
   *
   * <p>It comes back for a server that is known to empty its pipelines, and once until bytes pass
   * again: who goes on removing the first handler must come to an end.
   */
  void pipelineEmptied() {
    if (isServed && !isEmptied) {
      isEmptied = true;
      // A handler that was removed cannot be put in again.
      head = new ChannelHead(this);
      channel.pipeline().addFirst(head);
    }
  }

  private void lookAgain() {
    if (isEmptied) {
      isEmptied = false;
      watchIdleness();
    }
    if (isServed && requests instanceof Http2Watch watch) {
      watch.keepListening();
    }
  }

  /** Bytes are handed to a codec. */
  void headBegun() {
    Protocol spoken = state.protocol();
    isHeadBegun = spoken != Protocol.H2 && spoken != Protocol.WEBSOCKET;
  }

  /** The codec of HTTP/1 made something of the bytes that it was handed. */
  void headParsed() {
    isHeadBegun = false;
    isSettled = true;
  }

  /** The request is answered by a change to HTTP/2, and then on the first stream of that. */
  void upgradesToHttp2(@Nullable Exchange request) {
    upgrading = request;
    isSettled = false;
  }

  @Nullable Requests requests() {
    return requests;
  }

  /** The client closed its half, or the whole connection if {@code failure} is given. */
  void peerLeft(@Nullable IOException failure) {
    if (!isClosedHere) {
      hasPeerLeft = true;
      if (peerFailure == null) {
        peerFailure = failure;
      }
    }
  }

  /** The application, or a handler of Netty for it, closes the connection. */
  void closedHere() {
    settle();
    if (!hasPeerLeft) {
      isClosedHere = true;
      if (expired != null) {
        state.hint(expired);
      }
    }
  }

  private void settle() {
    try {
      if (requests != null) {
        requests.settle();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** A close frame of WebSocket went either way. */
  void saidGoodbye() {
    hasSaidGoodbye = true;
  }

  void handshakeFailed() {
    // A port scan or a health check that sends nothing has not failed at anything.
    if (state.wireBytesIn() > 0) {
      state.hint(CloseHint.TLS_HANDSHAKE_FAILED);
    }
  }

  /** A handler of Netty says that nothing has happened for a time. */
  void idle() {
    if (state.openRequests() == 0) {
      expired = isHeadBegun ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT;
    } else if (isWriting()) {
      expired = CloseHint.WRITE_TIMEOUT;
    } else {
      Requests known = requests;
      expired =
          known != null && known.isReceiving()
              ? CloseHint.REQUEST_BODY_TIMEOUT
              : CloseHint.RESPONSE_TIMEOUT;
    }
  }

  /** Whether the socket has taken all that was written, or had when the channel was closed. */
  boolean isDrained() {
    return !isWriting() && !state.isWriteBlocked();
  }

  private boolean isWriting() {
    ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
    return buffer != null && buffer.totalPendingWriteBytes() > 0;
  }

  void findUnlessFound() {
    if (!isSettled) {
      find();
    }
  }

  /**
   * Looks for the codec now and, for a server that is known to put it in by the first read, when a
   * handler hands on what comes in. Vert.x 4 puts it in behind the last handler.
   */
  void findOrProbe() {
    if (isSettled) {
      return;
    }
    find();
    if (isServed && requests == null && !isProbed) {
      isProbed = true;
      for (Map.Entry<String, ChannelHandler> entry : channel.pipeline()) {
        channel.pipeline().addAfter(entry.getKey(), null, new CodecProbe(this));
      }
    }
  }

  private void removeProbes() {
    for (Map.Entry<String, ChannelHandler> entry : channel.pipeline()) {
      if (entry.getValue() instanceof CodecProbe probe) {
        channel.pipeline().remove(probe);
      }
    }
  }

  /** Looks for a codec of HTTP, and puts a tap on it. */
  void find() {
    try {
      Http2Watch watch = HAS_HTTP2 ? Http2Watch.install(this, upgrading) : null;
      if (watch != null) {
        if (requests instanceof Http1Tap tap) {
          channel.pipeline().remove(tap);
        }
        speaks(Protocol.H2, watch);
        return;
      }
      if (requests == null) {
        Http1Tap tap = Http1Tap.install(this);
        if (tap != null) {
          speaks(Protocol.H1, tap);
          isSettled = !HAS_HTTP2 || !Http2Watch.isUndecided(channel.pipeline());
        }
      }
    } catch (Throwable t) {
      isSettled = true;
      fault(t);
    }
  }

  private void speaks(Protocol protocol, Requests found) {
    requests = found;
    isSettled = true;
    isHeadBegun &= protocol == Protocol.H1;
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    state.protocol(protocol, tls == null ? null : tls.applicationProtocol(), System.nanoTime());
    watchIdleness();
    if (isProbed) {
      removeProbes();
    }
  }

  /** Listens behind each handler that tells of idleness: it tells only those behind it. */
  private void watchIdleness() {
    String unheard = null;
    for (Map.Entry<String, ChannelHandler> entry : channel.pipeline()) {
      ChannelHandler handler = entry.getValue();
      if (unheard != null && !(handler instanceof IdleTap)) {
        channel.pipeline().addAfter(unheard, null, new IdleTap(this));
      }
      boolean isTelling =
          handler instanceof IdleStateHandler || handler instanceof WriteTimeoutHandler;
      unheard = isTelling ? entry.getKey() : null;
    }
    if (unheard != null) {
      channel.pipeline().addAfter(unheard, null, new IdleTap(this));
    }
  }

  /** The channel is closed, by whomever. */
  @Override
  public void operationComplete(ChannelFuture future) {
    long nanos = System.nanoTime();
    try {
      if (requests != null) {
        requests.closing(nanos);
      }
    } catch (Throwable t) {
      fault(t);
    }
    if (channel.eventLoop().isShuttingDown()) {
      state.hint(CloseHint.SHUTDOWN);
    }
    if (isClosedHere) {
      closedHere(nanos);
    } else {
      state.closed(Initiator.REMOTE, leave(), nanos);
    }
  }

  private void closedHere(long nanos) {
    Requests known = requests;
    boolean isExplained =
        !isServed
            || expired != null
            || (known != null && known.isClosing())
            || state.listener().isStopping()
            || channel.eventLoop().isShuttingDown();
    if (isExplained) {
      state.closed(Initiator.LOCAL, null, nanos);
      return;
    }
    ChannelFuture stop = channel.parent().closeFuture();
    LateClose late = new LateClose(nanos);
    stop.addListener(late);
    try {
      channel
          .eventLoop()
          .schedule(() -> {}, STOP_GRACE_MILLIS, TimeUnit.MILLISECONDS)
          .addListener(
              grace -> {
                stop.removeListener(late);
                if (grace.isCancelled()) {
                  // By the event loop, which ends.
                  state.hint(CloseHint.SHUTDOWN);
                }
                late.tell();
              });
    } catch (RejectedExecutionException e) {
      state.hint(CloseHint.SHUTDOWN);
      late.tell();
    }
  }

  private @Nullable IOException leave() {
    boolean isAbrupt =
        peerFailure == null && state.protocol() == Protocol.WEBSOCKET && !hasSaidGoodbye;
    return isAbrupt ? new EOFException("end of stream without a close frame") : peerFailure;
  }

  /** Where it stands among the loops of its group. */
  private static int indexOf(EventLoop loop) {
    EventLoopGroup group = loop.parent();
    if (group != null) {
      int index = 0;
      for (EventExecutor other : group) {
        if (other == loop) {
          return index;
        }
        index++;
      }
    }
    return 0;
  }

  /**
   * A close that is told when the listener closes as well, the time for that is over, or the event
   * loop ends; by whoever is first. The listener may be on another event loop.
   */
  private final class LateClose implements ChannelFutureListener {
    private final long nanos;
    private final AtomicBoolean told = new AtomicBoolean();

    LateClose(long nanos) {
      this.nanos = nanos;
    }

    @Override
    public void operationComplete(ChannelFuture stop) {
      tell();
    }

    void tell() {
      if (told.compareAndSet(false, true)) {
        state.closed(Initiator.LOCAL, null, nanos);
      }
    }
  }

  /** Hears what the handler in front of it tells of idleness. */
  private static final class IdleTap extends ChannelInboundHandlerAdapter {
    private final ObservedChannel connection;

    IdleTap(ObservedChannel connection) {
      this.connection = connection;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof IdleStateEvent) {
        connection.idle();
      }
      ctx.fireUserEventTriggered(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      if (cause instanceof TimeoutException) {
        connection.idle();
      }
      ctx.fireExceptionCaught(cause);
    }
  }
}
