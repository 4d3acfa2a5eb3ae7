// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelInitializer;
import org.jspecify.annotations.Nullable;

/** Watches a channel once the application has set up its pipeline. */
@Sharable
final class ObservingInitializer extends ChannelInitializer<Channel> {
  private final NettyWatch watch;
  private final @Nullable ChannelHandler application;

  /**
   * @param application what sets up the pipeline, or null if that has happened
   */
  ObservingInitializer(NettyWatch watch, @Nullable ChannelHandler application) {
    this.watch = watch;
    this.application = application;
  }

  @Override
  protected void initChannel(Channel channel) {
    if (application != null) {
      channel.pipeline().addLast(application);
    }
    NettyWatch served = ServedLoops.watchOf(channel.eventLoop());
    NettyWatch own = served == null ? watch : served;
    if (own != NettyWatch.NOTHING) {
      own.observe(channel);
    }
  }
}
