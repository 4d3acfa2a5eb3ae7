// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import dev.sonde.capture.netty.SondeNetty;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import reactor.netty.NettyPipeline;

/**
 * Finds out that Reactor Netty closes an idle connection: the handler that does it is put into the
 * pipeline and taken out for each request, and tells of it after the close.
 *
 * <p>So both ends of the pipeline are watched. Whoever closes the channel does it from behind; what
 * Netty's codecs close, they close while they read. What is seen in front only, while that handler
 * is there and nothing is being read, it has done itself. All of that happens on the channel's
 * event loop.
 */
@SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise asks it
final class IdleClose extends ChannelDuplexHandler {
  private boolean isReading;
  private boolean isFromBehind;

  private IdleClose() {}

  /** To be called before the adapter of Netty puts its own first handler in front of this one. */
  static void install(Channel channel) {
    IdleClose front = new IdleClose();
    ChannelPipeline unused = channel.pipeline().addFirst(front).addLast(front.new Back());
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    isReading = true;
    try {
      ctx.fireChannelRead(msg);
    } finally {
      isReading = false;
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    isReading = true;
    try {
      ctx.fireChannelReadComplete();
    } finally {
      isReading = false;
    }
  }

  @Override
  public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
    if (!isReading
        && !isFromBehind
        && ctx.pipeline().context(NettyPipeline.IdleTimeoutHandler) != null) {
      SondeNetty.closingIdle(ctx.channel());
    }
    ctx.close(promise);
  }

  /** The last handler, which is the first to see that somebody closes the channel. */
  private final class Back extends ChannelOutboundHandlerAdapter {
    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
      isFromBehind = true;
      ctx.close(promise);
    }

    @Override
    public void disconnect(ChannelHandlerContext ctx, ChannelPromise promise) {
      isFromBehind = true;
      ctx.disconnect(promise);
    }
  }
}
