// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import io.netty.channel.Channel;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** Watches accepted channels for what is built on Netty, as a Sonde would. */
public final class NettyWatches {
  private NettyWatches() {}

  /** What is to be done with every accepted channel. */
  public static Consumer<Channel> of(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    return new NettyWatch(listeners)::observe;
  }
}
