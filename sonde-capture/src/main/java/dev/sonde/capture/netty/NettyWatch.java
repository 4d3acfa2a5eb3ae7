// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.netty.util.Version;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Finds the listener of an accepted channel, and puts an observer on the channel. */
final class NettyWatch {
  /** Watches nothing. */
  static final NettyWatch NOTHING =
      new NettyWatch(
          (name, capabilities) -> {
            throw new IllegalStateException("nothing is watched");
          },
          false);

  private static final AttributeKey<ListenerScope> SCOPE =
      AttributeKey.valueOf(NettyWatch.class, "scope");

  private final BiFunction<String, Set<Capability>, ListenerScope> listeners;
  private final boolean isServed;
  private @Nullable ListenerScope orphans;

  NettyWatch(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    this(listeners, false);
  }

  /**
   * @param isServed whether the adapter of a server adds what it knows to each {@link
   *     ServedRequest}
   */
  NettyWatch(BiFunction<String, Set<Capability>, ListenerScope> listeners, boolean isServed) {
    this.listeners = listeners;
    this.isServed = isServed;
  }

  /** Whether a part of Netty is on the class path. */
  static boolean isPresent(String className) {
    try {
      Class<?> unused = Class.forName(className, false, NettyWatch.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }

  void observe(Channel accepted) {
    ListenerScope scope = scopeOf(accepted.parent());
    if (scope.isEnabled()) {
      try {
        ObservedChannel.observe(accepted, scope, isServed);
      } catch (Throwable t) {
        scope.fault(t);
      }
    }
  }

  private ListenerScope scopeOf(@Nullable Channel parent) {
    ListenerScope known = parent == null ? null : parent.attr(SCOPE).get();
    return known == null ? newScopeOf(parent) : known;
  }

  /** Once for each listener, whose connections may be accepted by many event loops at once. */
  private synchronized ListenerScope newScopeOf(@Nullable Channel parent) {
    if (parent == null) {
      ListenerScope scope = orphans == null ? listener() : orphans;
      orphans = scope;
      return scope;
    }
    ListenerScope known = parent.attr(SCOPE).get();
    if (known != null) {
      return known;
    }
    ListenerScope scope = listener();
    parent.attr(SCOPE).set(scope);
    parent.closeFuture().addListener(closed -> scope.stopping());
    return scope;
  }

  private ListenerScope listener() {
    return listeners.apply("Netty " + version(), EnumSet.allOf(Capability.class));
  }

  static String version() {
    Version common = Version.identify().get("netty-common");
    return common == null ? "4" : common.artifactVersion();
  }
}
