// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import dev.sonde.trace.TraceContext;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.FileRegion;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** Stands behind the codec of HTTP/1 and sees the messages that it reads and writes. */
@SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise asks it
final class Http1Tap extends ChannelDuplexHandler implements Requests {
  /** Bytes that a socket takes at once, so that the first goes out when the last does. */
  private static final int ONE_WRITE = 32 * 1024;

  private static final int SWITCHING_PROTOCOLS = 101;
  private static final String WEBSOCKET = "websocket";
  private static final String H2C = "h2c";

  private final ObservedChannel connection;

  /**
   * Requests whose answer has not begun, the oldest first: pipelined ones are answered in order.
   */
  private final Queue<Http1Request> waiting = new ArrayDeque<>();

  /** Requests whose answer is on its way to the socket as a whole, the oldest first. */
  private final Queue<Http1Request> leaving = new ArrayDeque<>();

  private @Nullable Http1Request newest;
  private @Nullable Http1Request arriving;
  private @Nullable Http1Request answering;

  /** The oldest file that is being sent. */
  private @Nullable BodyPart file;

  /** A request that has ended and can be used for the next. */
  private @Nullable Http1Request spare;

  /** Whether an answer is being written that is followed by another (1xx). */
  private boolean isInterim;

  /** Whether the client or the server has said that the connection ends. */
  private boolean isClosing;

  private boolean isClosed;
  private TraceContext.@Nullable Scope scope;

  private Http1Tap(ObservedChannel connection) {
    this.connection = connection;
  }

  /** Puts one behind the codec, if there is a codec. */
  static @Nullable Http1Tap install(ObservedChannel connection) {
    ChannelPipeline pipeline = connection.pipeline();
    ChannelHandlerContext codec = pipeline.context(HttpServerCodec.class);
    if (codec == null) {
      codec = later(pipeline, HttpRequestDecoder.class, HttpResponseEncoder.class);
    }
    if (codec == null) {
      return null;
    }
    Http1Tap tap = new Http1Tap(connection);
    pipeline.addAfter(codec.name(), null, tap);
    return tap;
  }

  private static @Nullable ChannelHandlerContext later(
      ChannelPipeline pipeline,
      Class<? extends ChannelHandler> first,
      Class<? extends ChannelHandler> second) {
    ChannelHandlerContext one = pipeline.context(first);
    ChannelHandlerContext other = pipeline.context(second);
    if (one == null || other == null) {
      return null;
    }
    List<String> names = pipeline.names();
    return names.indexOf(one.name()) > names.indexOf(other.name()) ? one : other;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    try {
      reading(msg);
    } catch (Throwable t) {
      connection.fault(t);
    }
    ctx.fireChannelRead(msg);
    if (arriving == null) {
      leaveScope();
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    leaveScope();
    ctx.fireChannelReadComplete();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    leaveScope();
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
    ChannelPromise observed = promise;
    try {
      observed = writing(msg, promise);
    } catch (Throwable t) {
      connection.fault(t);
    }
    ctx.write(msg, observed);
    if (observed.isDone()) {
      refused(observed);
    }
  }

  /** A write was over at once, as one is that the codec refuses: no flush need follow. */
  private void refused(ChannelPromise write) {
    try {
      for (Http1Request request : leaving) {
        if (request.isEndedBy(write)) {
          ended(request);
          return;
        }
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  @Override
  public @Nullable Exchange request(Channel channel) {
    Http1Request request = newest;
    Exchange exchange = request == null ? null : request.exchange();
    return exchange != null && exchange.isOpen() ? exchange : null;
  }

  @Override
  public boolean isReceiving() {
    return arriving != null;
  }

  @Override
  public boolean isClosing() {
    return isClosing;
  }

  /** The oldest request that waits for its answer, or null. */
  @Nullable Http1Request firstWaiting() {
    return waiting.peek();
  }

  /**
   * {@inheritDoc}
   *
   * <p>Whoever closes the connection once the last write is done hears of that before this, if it
   * was the first to ask.
   */
  @Override
  public void settle() {
    for (Http1Request oldest; (oldest = leaving.peek()) != null && oldest.isWritten(); ) {
      ended(oldest);
    }
  }

  /** Those that the socket has taken by now end here; a listener for each would cost more. */
  @Override
  public void flushed() {
    settle();
    if (!leaving.isEmpty()) {
      for (Http1Request slow : leaving) {
        slow.listen();
      }
    }
  }

  @Override
  public void closing(long nanos) {
    settle();
    isClosed = true;
    BodyPart broken = file;
    if (broken != null) {
      broken.cut();
    }
    for (Http1Request request : leaving) {
      request.closing(nanos);
    }
    if (answering != null) {
      answering.closing(nanos);
    }
    for (Http1Request request : waiting) {
      ServedRequest.forget(request);
      request.closing(nanos);
    }
  }

  private void reading(Object msg) {
    // The codec's usual classes first: whether an object has an interface, and most of all that it
    // has not, is slow to tell, the more so where many ask for many.
    if (msg.getClass() == DefaultHttpRequest.class) {
      headRead((DefaultHttpRequest) msg);
      return;
    }
    if (msg == LastHttpContent.EMPTY_LAST_CONTENT) {
      received(0, /* isLast= */ true);
      return;
    }
    if (msg instanceof HttpRequest head) {
      headRead(head);
    }
    if (msg instanceof HttpContent content) {
      received(content.content().readableBytes(), content instanceof LastHttpContent);
    } else if (msg instanceof CloseWebSocketFrame) {
      connection.saidGoodbye();
    }
  }

  private void headRead(HttpRequest head) {
    leaveScope();
    connection.headParsed();
    begin(head);
  }

  private void begin(HttpRequest head) {
    DecoderResult result = head.decoderResult();
    if (result.isFailure() && result.cause() instanceof PrematureChannelClosureException) {
      // The codec's way to say that the client left in the middle of a head.
      return;
    }
    Http1Request request = spare;
    if (request == null) {
      request = new Http1Request(this, connection);
    } else {
      spare = null;
      request.release();
    }
    if (result.isFailure()) {
      request.beginMalformed();
    } else {
      request.begin(head);
      arriving = request;
      enterScope(request);
    }
    isClosing |= connection.isServed() && (result.isFailure() || !HttpUtil.isKeepAlive(head));
    newest = request;
    waiting.add(request);
  }

  private void received(int bytes, boolean isLast) {
    connection.headParsed();
    Http1Request request = arriving;
    if (request != null) {
      Exchange exchange = request.exchange();
      if (exchange != null) {
        exchange.bytesIn(bytes);
      }
      enterScope(request);
      if (isLast) {
        arriving = null;
      }
    }
  }

  /**
   * Makes the request the current one of this thread while its head and body are handled.
   *
   * <p>The codec hands on what one read brought in one go, so that the scope may stay open from one
   * part to the next: nothing of another connection comes between.
   */
  private void enterScope(Http1Request request) {
    Exchange exchange = request.exchange();
    if (scope == null && exchange != null) {
      scope = exchange.enter();
    }
  }

  private void leaveScope() {
    TraceContext.Scope open = scope;
    if (open != null) {
      scope = null;
      open.close();
    }
  }

  private ChannelPromise writing(Object msg, ChannelPromise promise) {
    if (msg.getClass() == DefaultFullHttpResponse.class) {
      DefaultFullHttpResponse whole = (DefaultFullHttpResponse) msg;
      int bytes = whole.content().readableBytes();
      answer(whole, bytes <= ONE_WRITE);
      return writingContent(bytes, /* isLast= */ true, promise);
    }
    if (msg instanceof HttpResponse head) {
      answer(
          head,
          head instanceof LastHttpContent last && last.content().readableBytes() <= ONE_WRITE);
    }
    if (msg instanceof HttpContent content) {
      return writingContent(
          content.content().readableBytes(), content instanceof LastHttpContent, promise);
    }
    if (answering != null) {
      // The codec takes both for parts of a body.
      if (msg instanceof ByteBuf bytes) {
        return writingPart(answering, bytes.readableBytes(), null, promise);
      }
      if (msg instanceof FileRegion region) {
        return writingPart(answering, region.count() - region.transferred(), region, promise);
      }
    } else if (msg instanceof CloseWebSocketFrame) {
      connection.saidGoodbye();
    }
    return promise;
  }

  /**
   * @param isWhole whether all of the answer goes out by the same write
   */
  private void answer(HttpResponse head, boolean isWhole) {
    int status = head.status().code();
    if (status != SWITCHING_PROTOCOLS
        && head.status().codeClass() == HttpStatusClass.INFORMATIONAL) {
      isInterim = true;
      return;
    }
    if (answering != null) {
      // The codec is about to refuse it.
      return;
    }
    Http1Request request = waiting.poll();
    if (request == null) {
      return;
    }
    Protocol upgrade = status == SWITCHING_PROTOCOLS ? upgradeOf(head) : null;
    if (upgrade == Protocol.H2) {
      connection.upgradesToHttp2(request.exchange());
      return;
    }
    isClosing |= connection.isServed() && !HttpUtil.isKeepAlive(head);
    answering = request;
    request.answered(status, head.headers().get(HttpHeaderNames.CONTENT_TYPE), isWhole, upgrade);
  }

  private static Protocol upgradeOf(HttpResponse head) {
    String protocol = head.headers().get(HttpHeaderNames.UPGRADE);
    if (WEBSOCKET.equalsIgnoreCase(protocol)) {
      return Protocol.WEBSOCKET;
    }
    return H2C.equalsIgnoreCase(protocol) ? Protocol.H2 : Protocol.UNKNOWN;
  }

  private ChannelPromise writingContent(int bytes, boolean isLast, ChannelPromise promise) {
    if (isInterim) {
      isInterim = !isLast;
      return promise;
    }
    Http1Request request = answering;
    if (request == null) {
      return promise;
    }
    if (!isLast) {
      return writingPart(request, bytes, null, promise);
    }
    answering = null;
    ChannelPromise observed = promise.unvoid();
    request.ends(bytes, observed);
    leaving.add(request);
    if (!connection.seesFlushes()) {
      request.listen();
    }
    return observed;
  }

  private ChannelPromise writingPart(
      Http1Request request, long bytes, @Nullable FileRegion region, ChannelPromise promise) {
    if (connection.isDeaf(promise)) {
      // Nobody waits for it, and to be told would cost an object.
      request.sent(bytes);
      return promise;
    }
    BodyPart part = new BodyPart(request, bytes, region);
    if (region != null && file == null) {
      file = part;
    }
    if (!connection.listen(promise, part)) {
      if (file == part) {
        file = null;
      }
      request.sent(bytes);
      request.partEnded();
    }
    return promise;
  }

  /** The last of an answer was written, or not. */
  void ended(Http1Request request) {
    if (isClosed || !leaving.remove(request)) {
      return;
    }
    request.end(System.nanoTime());
    if (arriving == request) {
      arriving = null;
    }
    if (request.isReusable()) {
      spare = request;
    }
  }

  /** A part of a response body on its way to the socket, the last one excepted. */
  private final class BodyPart implements ChannelFutureListener {
    private final Http1Request request;
    private final long bytes;
    private final @Nullable FileRegion region;
    private final long transferredBefore;

    BodyPart(Http1Request request, long bytes, @Nullable FileRegion region) {
      this.request = request;
      this.bytes = bytes;
      this.region = region;
      transferredBefore = region == null ? 0 : region.transferred();
      request.partBegun();
    }

    @Override
    public void operationComplete(ChannelFuture future) {
      if (file == this) {
        file = null;
      }
      if (future.isSuccess()) {
        request.sent(bytes);
      }
      request.partEnded();
    }

    /** The connection is closed: of a file it is known how much of it went out. */
    void cut() {
      if (region != null) {
        request.sent(region.transferred() - transferredBefore);
      }
    }
  }
}
