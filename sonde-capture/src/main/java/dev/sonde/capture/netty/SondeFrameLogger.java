// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2FrameLogger;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.logging.LogLevel;
import org.jspecify.annotations.Nullable;

/**
 * Shows the answers of an HTTP/2 codec to {@link SondeNetty}, where the application writes them by
 * the codec's encoder instead of handing frames to the pipeline.
 *
 * <p>To be given to the builder of an {@code Http2ConnectionHandler} by {@code frameLogger};
 * without it the requests of such a codec are seen, but not their answers. It logs nothing. One may
 * serve any number of connections.
 */
public final class SondeFrameLogger extends Http2FrameLogger {
  /** For the builder of a codec. */
  public SondeFrameLogger() {
    super(LogLevel.TRACE, SondeFrameLogger.class);
  }

  @Override
  public boolean isEnabled() {
    return false;
  }

  @Override
  public void logData(
      Direction direction,
      ChannelHandlerContext ctx,
      int streamId,
      ByteBuf data,
      int padding,
      boolean isLast) {
    Http2Watch watch = watch(direction, ctx);
    if (watch != null) {
      watch.dataLogged(streamId, data, isLast);
    }
  }

  @Override
  public void logHeaders(
      Direction direction,
      ChannelHandlerContext ctx,
      int streamId,
      Http2Headers headers,
      int padding,
      boolean isLast) {
    Http2Watch watch = watch(direction, ctx);
    if (watch != null) {
      watch.headersLogged(streamId, headers, isLast);
    }
  }

  @Override
  public void logHeaders(
      Direction direction,
      ChannelHandlerContext ctx,
      int streamId,
      Http2Headers headers,
      int streamDependency,
      short weight,
      boolean exclusive,
      int padding,
      boolean isLast) {
    logHeaders(direction, ctx, streamId, headers, padding, isLast);
  }

  @Override
  public void logRstStream(
      Direction direction, ChannelHandlerContext ctx, int streamId, long errorCode) {
    Http2Watch watch = watch(direction, ctx);
    if (watch != null) {
      watch.resetLogged(streamId);
    }
  }

  private static @Nullable Http2Watch watch(Direction direction, ChannelHandlerContext ctx) {
    ObservedChannel connection =
        direction == Direction.OUTBOUND ? ObservedChannel.of(ctx.channel()) : null;
    return connection != null && connection.requests() instanceof Http2Watch watch ? watch : null;
  }
}
