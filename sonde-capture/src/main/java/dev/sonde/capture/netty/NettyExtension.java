// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.bootstrap.ChannelInitializerExtension;
import io.netty.channel.Channel;
import io.netty.channel.ServerChannel;
import io.netty.util.AttributeKey;

/**
 * By what Netty, if it is asked to load extensions, lets every accepted channel be watched.
 *
 * <p>Made by Netty's service loader, not by applications; see {@link SondeNetty}.
 */
public final class NettyExtension extends ChannelInitializerExtension {
  /** Without HTTP there is nothing to watch. */
  private static final boolean HAS_HTTP =
      NettyWatch.isPresent("io.netty.handler.codec.http.HttpServerCodec");

  /** What watches the connections of a listener. */
  private static final AttributeKey<NettyWatch> WATCH =
      AttributeKey.valueOf(NettyExtension.class, "watch");

  /** For the service loader. */
  public NettyExtension() {}

  @Override
  public void postInitializeServerListenerChannel(ServerChannel channel) {
    if (HAS_HTTP) {
      channel.attr(WATCH).set(SondeNetty.everywhere());
    }
  }

  @Override
  public void postInitializeServerChildChannel(Channel channel) {
    NettyWatch watch = HAS_HTTP ? channel.parent().attr(WATCH).get() : null;
    if (watch != null && (watch != NettyWatch.NOTHING || !ServedLoops.isEmpty())) {
      channel.pipeline().addLast(new ObservingInitializer(watch, null));
    }
  }
}
