// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2MultiplexCodec;
import io.netty.handler.codec.http2.Http2RemoteFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.Http2StreamChannel;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import org.jspecify.annotations.Nullable;

/** The streams of one HTTP/2 connection. */
final class Http2Watch extends Http2ConnectionAdapter implements Requests {
  /*
   * What comes in is seen by the listener that every codec calls for the frames it reads, wherever
   * it stands in the pipeline. What goes out is seen by a handler right behind the frame codec, or,
   * where the application calls the encoder by itself, by the logger that it gave to the codec. The
   * handler is put there when the first frame comes in: an upgrade inserts the application's
   * handlers after the codec was already added.
   */
  private static final int UPGRADED_STREAM = 1;

  private final ObservedChannel connection;
  private final Http2ConnectionHandler codec;
  private final IntObjectMap<Http2Request> streams = new IntObjectHashMap<>();

  /** The request of HTTP/1 that asked for the upgrade and is answered on the first stream. */
  private @Nullable Exchange upgraded;

  private @Nullable Http2Request newest;
  private boolean isTapped;
  private boolean hasSaidGoodbye;
  private boolean isClosed;

  private Http2Watch(
      ObservedChannel connection, Http2ConnectionHandler codec, @Nullable Exchange upgraded) {
    this.connection = connection;
    this.codec = codec;
    this.upgraded = upgraded;
  }

  /** Listens to the codec, if there is one. */
  static @Nullable Http2Watch install(ObservedChannel connection, @Nullable Exchange upgraded) {
    Http2ConnectionHandler codec = connection.pipeline().get(Http2ConnectionHandler.class);
    Http2FrameListener listener = codec == null ? null : codec.decoder().frameListener();
    if (codec == null || listener == null) {
      return null;
    }
    Http2Watch watch = new Http2Watch(connection, codec, upgraded);
    codec.connection().addListener(watch);
    codec.decoder().frameListener(new Http2FramesRead(watch, listener));
    return watch;
  }

  /** Listens again, if another listener was put in the place of this one. */
  void keepListening() {
    Http2FrameListener listener = codec.decoder().frameListener();
    if (listener != null && !(listener instanceof Http2FramesRead)) {
      codec.decoder().frameListener(new Http2FramesRead(this, listener));
    }
  }

  /** Whether the first bytes decide between HTTP/1 and HTTP/2. */
  static boolean isUndecided(ChannelPipeline pipeline) {
    return pipeline.context(CleartextHttp2ServerUpgradeHandler.class) != null;
  }

  ObservedChannel connection() {
    return connection;
  }

  @Override
  public @Nullable Exchange request(Channel channel) {
    Http2Request request =
        channel instanceof Http2StreamChannel stream ? streams.get(stream.stream().id()) : newest;
    Exchange exchange = request == null ? null : request.exchange();
    return exchange != null && exchange.isOpen() ? exchange : null;
  }

  @Override
  public boolean isReceiving() {
    return false;
  }

  @Override
  public boolean isClosing() {
    return hasSaidGoodbye;
  }

  /** Whether only the server can say how it answers, since nothing shows the codec's frames. */
  boolean isAnsweredUnseen() {
    return connection.isServed() && !isTapped;
  }

  /** Nothing to add: the writer of each frame is told when it is out. */
  @Override
  public void flushed() {}

  @Override
  public void settle() {
    for (Http2Request request : streams.values()) {
      request.settle();
    }
  }

  @Override
  public void closing(long nanos) {
    settle();
    isClosed = true;
    boolean isDrained = isDrained();
    for (Http2Request request : streams.values()) {
      ServedRequest.forget(request);
      if (isDrained) {
        request.drained();
      }
    }
    if (isAnsweredUnseen()) {
      for (IntObjectMap.PrimitiveEntry<Http2Request> entry : streams.entries()) {
        Http2Stream stream = codec.connection().stream(entry.key());
        if (stream != null) {
          countSent(stream, entry.value());
        }
      }
    }
  }

  /** Stands behind a frame codec before it hands on its first frame. */
  void frameRead() {
    if (!isTapped && codec instanceof Http2FrameCodec && !isMultiplexing()) {
      ChannelPipeline pipeline = connection.pipeline();
      ChannelHandlerContext context = pipeline.context(codec);
      if (context != null) {
        isTapped = true;
        pipeline.addAfter(context.name(), null, new Http2Tap(this));
      }
    }
  }

  /** It hands no frames to the pipeline; whoever uses it has to give it the logger. */
  @SuppressWarnings("deprecation")
  private boolean isMultiplexing() {
    return codec instanceof Http2MultiplexCodec;
  }

  /** Returns the request that the frame begins or goes on with, or null if it is not open. */
  @Nullable Exchange headersRead(int streamId, Http2Headers headers) {
    Http2Request known = streams.get(streamId);
    if (known != null) {
      return known.exchange();
    }
    Exchange exchange = upgraded;
    if (exchange == null || streamId != UPGRADED_STREAM) {
      exchange = begin(streamId, headers);
    }
    return add(streamId, exchange).exchange();
  }

  private Http2Request add(int streamId, Exchange exchange) {
    upgraded = null;
    Http2Request request = new Http2Request(this, exchange, exchange.method().equals("HEAD"));
    if (connection.isServed()) {
      exchange.attach(request);
    }
    streams.put(streamId, request);
    newest = request;
    return request;
  }

  /** A server may hand the request that asked for the upgrade to itself, past the decoder. */
  @Override
  public void onStreamActive(Http2Stream stream) {
    Exchange exchange = upgraded;
    if (exchange != null && stream.id() == UPGRADED_STREAM && connection.isServed()) {
      ServedRequest.next(add(UPGRADED_STREAM, exchange));
    }
  }

  private Exchange begin(int streamId, Http2Headers headers) {
    Exchange exchange =
        connection
            .state()
            .begin(
                connection.workerId(),
                streamId,
                textOf(headers.method()),
                textOf(headers.path() == null ? headers.authority() : headers.path()),
                "HTTP/2.0",
                System.nanoTime());
    CharSequence traceparent = headers.get(Http1Request.TRACEPARENT);
    if (traceparent != null) {
      CharSequence state = headers.get(Http1Request.TRACESTATE);
      exchange.trace(traceparent, state == null ? null : state.toString());
    }
    return exchange;
  }

  private static String textOf(@Nullable CharSequence text) {
    return text == null ? "-" : text.toString();
  }

  @Nullable Exchange dataRead(int streamId, int bytes) {
    Http2Request request = streams.get(streamId);
    if (request == null) {
      return null;
    }
    request.exchange().bytesIn(bytes);
    return request.exchange();
  }

  void windowUpdateRead(int streamId, int increment) {
    Http2Request request = streams.get(streamId);
    if (request != null) {
      request.windowGrew(increment);
    }
  }

  /**
   * Counts what was sent by what is missing of the stream's window, where nothing shows the frames.
   */
  private void countSent(Http2Stream stream, Http2Request request) {
    Http2RemoteFlowController flow = codec.connection().remote().flowController();
    if (flow != null && isAnsweredUnseen()) {
      request.sentInAll(
          flow.initialWindowSize() + request.windowIncrements() - flow.windowSize(stream));
    }
  }

  /**
   * Whether what is known as sent is on the socket: of a frame that was handed to the pipeline its
   * promise tells that, of one that the codec only logs or takes from a window nothing does.
   */
  private boolean isDrained() {
    return isTapped || connection.isDrained();
  }

  /** The client gave the stream up. */
  void resetRead(int streamId) {
    Http2Request request = streams.get(streamId);
    if (request != null) {
      Http2Stream stream = codec.connection().stream(streamId);
      if (stream != null) {
        countSent(stream, request);
      }
      if (isDrained()) {
        request.drained();
      }
      request.aborted(AbortKind.CLIENT_RESET);
    }
  }

  ChannelPromise headersWritten(
      int streamId, Http2Headers headers, boolean isLast, ChannelPromise promise) {
    Http2Request request = streams.get(streamId);
    if (request == null || !request.answered(headers, isLast) || !isLast) {
      return promise;
    }
    return request.written(0, true, promise);
  }

  ChannelPromise dataWritten(int streamId, int bytes, boolean isLast, ChannelPromise promise) {
    Http2Request request = streams.get(streamId);
    return request == null ? promise : request.written(bytes, isLast, promise);
  }

  /** The server gives the stream up. */
  void resetWritten(int streamId) {
    Http2Request request = streams.get(streamId);
    if (request != null) {
      request.settle();
      request.aborted(AbortKind.SERVER_RESET);
    }
  }

  void headersLogged(int streamId, Http2Headers headers, boolean isLast) {
    Http2Request request = isTapped ? null : streams.get(streamId);
    if (request != null && request.answered(headers, isLast)) {
      request.logged(0, isLast);
    }
  }

  void dataLogged(int streamId, ByteBuf data, boolean isLast) {
    Http2Request request = isTapped ? null : streams.get(streamId);
    if (request != null) {
      request.logged(data.readableBytes(), isLast);
    }
  }

  void resetLogged(int streamId) {
    if (!isTapped) {
      resetWritten(streamId);
    }
  }

  @Override
  public void onStreamHalfClosed(Http2Stream stream) {
    Http2Request request = streams.get(stream.id());
    if (request != null) {
      if (!stream.state().localSideOpen()) {
        request.closedHere();
        countSent(stream, request);
      }
      request.settle();
    }
  }

  @Override
  public void onStreamClosed(Http2Stream stream) {
    Http2Request request = streams.remove(stream.id());
    if (request != null && !isClosed) {
      if (!stream.isResetSent()) {
        request.closedHere();
      }
      countSent(stream, request);
      request.settle();
      if (!request.isLeaving()) {
        request.aborted(AbortKind.SERVER_RESET);
      }
      if (newest == request) {
        newest = null;
      }
    }
  }

  @Override
  public void onGoAwaySent(int lastStreamId, long errorCode, ByteBuf debugData) {
    hasSaidGoodbye |= errorCode != Http2Error.NO_ERROR.code();
    broken(errorCode);
  }

  @Override
  public void onGoAwayReceived(int lastStreamId, long errorCode, ByteBuf debugData) {
    hasSaidGoodbye = true;
  }

  /** The codec ends the connection for an error. */
  void broken(long errorCode) {
    if (errorCode == Http2Error.ENHANCE_YOUR_CALM.code()) {
      connection.state().hint(CloseHint.RAPID_RESET);
    } else if (errorCode == Http2Error.INTERNAL_ERROR.code()) {
      connection.state().hint(CloseHint.ABORTED_BY_APP);
    } else if (errorCode != Http2Error.NO_ERROR.code()) {
      connection.state().hint(CloseHint.PROTOCOL_ERROR);
    }
  }
}
