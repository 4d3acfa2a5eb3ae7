// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.FileRegion;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The handler next to the socket: its bytes, its failures, and who closes it. */
@SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise asks it
final class ChannelHead extends ChannelDuplexHandler {
  private final ObservedChannel connection;

  /** The newest write since the last flush, or null. */
  private @Nullable ChannelPromise written;

  ChannelHead(ObservedChannel connection) {
    this.connection = connection;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    if (msg instanceof ByteBuf bytes) {
      connection.received(bytes.readableBytes());
    }
    ctx.fireChannelRead(msg);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
    if (msg instanceof ByteBuf bytes) {
      connection.sent(bytes.readableBytes());
    } else if (msg instanceof FileRegion region) {
      connection.sent(region.count() - region.transferred());
    }
    written = promise;
    ctx.write(msg, promise);
  }

  @Override
  public void flush(ChannelHandlerContext ctx) {
    ctx.flush();
    ChannelPromise newest = written;
    written = null;
    if (newest != null) {
      try {
        connection.flushed(newest);
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ctx) {
    connection.writabilityChanged();
    ctx.fireChannelWritabilityChanged();
  }

  @Override
  public void disconnect(ChannelHandlerContext ctx, ChannelPromise promise) {
    connection.closedHere();
    ctx.disconnect(promise);
  }

  @Override
  public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
    connection.closedHere();
    ctx.close(promise);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    // Vert.x 4 takes every handler away when it has changed to HTTP/2 in cleartext.
    if (ctx.channel().isOpen()) {
      connection.pipelineEmptied();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      connection.peerLeft(null);
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    connection.peerLeft(null);
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    // Nothing but the socket is in front.
    if (cause instanceof IOException failure) {
      connection.peerLeft(failure);
    }
    ctx.fireExceptionCaught(cause);
  }
}
