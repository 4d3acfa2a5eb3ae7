// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Event loops whose connections are those of one server that is built on Netty and has an adapter
 * of its own.
 *
 * <p>Such a server makes its bootstraps by itself, and is told from others by the loops on which it
 * has its connections served. Any thread.
 */
public final class ServedLoops {
  private static final Map<EventLoopGroup, NettyWatch> WATCHES = new ConcurrentHashMap<>();

  private ServedLoops() {}

  /**
   * Watches all HTTP connections that these loops serve from now on, until they are {@linkplain
   * #forget forgotten}.
   *
   * <p>The first call must come before the first bootstrap of this process is used, because Netty
   * looks only then for extensions.
   *
   * @param listeners makes the listener of each socket, out of Netty's name and what is seen
   */
  public static void watch(
      EventLoopGroup loops, BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    SondeNetty.loadExtensions();
    WATCHES.put(loops, new NettyWatch(listeners, true));
  }

  /** Watches no more of the connections that these loops accept. */
  public static void forget(EventLoopGroup loops) {
    WATCHES.remove(loops);
  }

  /** Whether no loops are watched. */
  public static boolean isEmpty() {
    return WATCHES.isEmpty();
  }

  /** What watches the connections of a loop, or null if it has no server's own adapter. */
  static @Nullable NettyWatch watchOf(EventLoop loop) {
    EventLoopGroup group = loop.parent();
    return group == null ? null : WATCHES.get(group);
  }
}
