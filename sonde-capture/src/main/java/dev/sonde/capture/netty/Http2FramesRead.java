// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import org.jspecify.annotations.Nullable;

/** Hears of each frame before the codec does what it does with it. */
final class Http2FramesRead extends Http2FrameListenerDecorator {
  private final Http2Watch watch;

  Http2FramesRead(Http2Watch watch, Http2FrameListener codec) {
    super(codec);
    this.watch = watch;
  }

  @Override
  public void onSettingsRead(ChannelHandlerContext ctx, Http2Settings settings)
      throws Http2Exception {
    frameRead();
    super.onSettingsRead(ctx, settings);
    // Vert.x puts another listener in the place of this one.
    watch.keepListening();
  }

  @Override
  public void onHeadersRead(
      ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean isLast)
      throws Http2Exception {
    Exchange exchange = headersRead(streamId, headers);
    if (exchange == null) {
      super.onHeadersRead(ctx, streamId, headers, padding, isLast);
      return;
    }
    try (TraceContext.Scope ignored = exchange.enter()) {
      super.onHeadersRead(ctx, streamId, headers, padding, isLast);
    }
  }

  @Override
  public void onHeadersRead(
      ChannelHandlerContext ctx,
      int streamId,
      Http2Headers headers,
      int streamDependency,
      short weight,
      boolean exclusive,
      int padding,
      boolean isLast)
      throws Http2Exception {
    Exchange exchange = headersRead(streamId, headers);
    if (exchange == null) {
      super.onHeadersRead(
          ctx, streamId, headers, streamDependency, weight, exclusive, padding, isLast);
      return;
    }
    try (TraceContext.Scope ignored = exchange.enter()) {
      super.onHeadersRead(
          ctx, streamId, headers, streamDependency, weight, exclusive, padding, isLast);
    }
  }

  @Override
  public int onDataRead(
      ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean isLast)
      throws Http2Exception {
    Exchange exchange = dataRead(streamId, data);
    if (exchange == null) {
      return super.onDataRead(ctx, streamId, data, padding, isLast);
    }
    try (TraceContext.Scope ignored = exchange.enter()) {
      return super.onDataRead(ctx, streamId, data, padding, isLast);
    }
  }

  @Override
  public void onWindowUpdateRead(ChannelHandlerContext ctx, int streamId, int increment)
      throws Http2Exception {
    watch.windowUpdateRead(streamId, increment);
    super.onWindowUpdateRead(ctx, streamId, increment);
  }

  @Override
  public void onRstStreamRead(ChannelHandlerContext ctx, int streamId, long errorCode)
      throws Http2Exception {
    try {
      watch.resetRead(streamId);
    } catch (Throwable t) {
      watch.connection().fault(t);
    }
    super.onRstStreamRead(ctx, streamId, errorCode);
  }

  private void frameRead() {
    try {
      watch.frameRead();
    } catch (Throwable t) {
      watch.connection().fault(t);
    }
  }

  private @Nullable Exchange headersRead(int streamId, Http2Headers headers) {
    frameRead();
    try {
      return watch.headersRead(streamId, headers);
    } catch (Throwable t) {
      watch.connection().fault(t);
      return null;
    }
  }

  private @Nullable Exchange dataRead(int streamId, ByteBuf data) {
    try {
      return watch.dataRead(streamId, data.readableBytes());
    } catch (Throwable t) {
      watch.connection().fault(t);
      return null;
    }
  }
}
