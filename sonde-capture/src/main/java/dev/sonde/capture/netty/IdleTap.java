// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.TimeoutException;

/** Hears what the handler in front of it tells of idleness. */
final class IdleTap extends ChannelInboundHandlerAdapter {
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
