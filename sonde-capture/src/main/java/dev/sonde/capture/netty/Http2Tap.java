// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameStream;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.handler.codec.http2.Http2ResetFrame;
import io.netty.handler.codec.http2.Http2StreamFrame;

/** Stands behind the frame codec of HTTP/2 and sees the frames that it is to write. */
@SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise asks it
final class Http2Tap extends ChannelDuplexHandler {
  private final Http2Watch watch;

  Http2Tap(Http2Watch watch) {
    this.watch = watch;
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
    ChannelPromise observed = promise;
    try {
      if (msg instanceof Http2StreamFrame frame) {
        observed = writing(frame, promise);
      }
    } catch (Throwable t) {
      watch.connection().fault(t);
    }
    ctx.write(msg, observed);
  }

  /** The codec tells its error before it says goodbye, and the application may close at once. */
  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (cause instanceof Http2Exception failure && !Http2Exception.isStreamError(failure)) {
      watch.broken(failure.error().code());
    }
    ctx.fireExceptionCaught(cause);
  }

  private ChannelPromise writing(Http2StreamFrame frame, ChannelPromise promise) {
    Http2FrameStream stream = frame.stream();
    if (stream == null) {
      return promise;
    }
    if (frame instanceof Http2DataFrame data) {
      int bytes = data.content().readableBytes();
      return watch.dataWritten(stream.id(), bytes, data.isEndStream(), promise);
    }
    if (frame instanceof Http2HeadersFrame headers) {
      return watch.headersWritten(stream.id(), headers.headers(), headers.isEndStream(), promise);
    }
    if (frame instanceof Http2ResetFrame) {
      watch.resetWritten(stream.id());
    }
    return promise;
  }
}
