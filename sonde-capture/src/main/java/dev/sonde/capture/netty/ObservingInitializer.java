// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Watches a channel once the application has set up its pipeline. */
@Sharable
final class ObservingInitializer extends ChannelInitializer<Channel> {
  private static final String GRPC = "io.grpc.netty.";

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
    if (own != NettyWatch.NOTHING && !isGrpc(channel.pipeline())) {
      own.observe(channel);
    }
  }

  /** Whether a server of gRPC-java set it up, which has an adapter of its own. */
  private static boolean isGrpc(ChannelPipeline pipeline) {
    for (Map.Entry<String, ChannelHandler> handler : pipeline) {
      if (handler.getValue().getClass().getName().startsWith(GRPC)) {
        return true;
      }
    }
    return false;
  }
}
