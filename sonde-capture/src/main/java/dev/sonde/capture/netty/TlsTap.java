// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;

/** Stands behind TLS, where the bytes are those of the protocol within. */
@SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise asks it
final class TlsTap extends ChannelDuplexHandler {
  private final ObservedChannel connection;

  TlsTap(ObservedChannel connection) {
    this.connection = connection;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    connection.headBegun();
    connection.findOrProbe();
    ctx.fireChannelRead(msg);
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
    connection.findUnlessFound();
    ctx.write(msg, promise);
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    boolean isHandshake = event instanceof SslHandshakeCompletionEvent;
    if (isHandshake && !((SslHandshakeCompletionEvent) event).isSuccess()) {
      connection.handshakeFailed();
    }
    ctx.fireUserEventTriggered(event);
    if (isHandshake) {
      // Who chooses the protocol has put its codec into the pipeline by now.
      connection.findUnlessFound();
    }
  }
}
