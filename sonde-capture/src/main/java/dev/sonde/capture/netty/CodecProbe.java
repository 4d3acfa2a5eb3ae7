// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Looks for a codec once, when the handler in front of it hands something on: that handler may have
 * put the codec behind it in this very read.
 */
final class CodecProbe extends ChannelInboundHandlerAdapter {
  private final ObservedChannel connection;

  CodecProbe(ObservedChannel connection) {
    this.connection = connection;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    connection.findUnlessFound();
    if (!ctx.isRemoved()) {
      ctx.pipeline().remove(this);
    }
    ctx.fireChannelRead(msg);
  }
}
