// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import io.undertow.Undertow;
import io.undertow.Undertow.ListenerInfo;
import io.undertow.server.HttpHandler;
import io.undertow.server.OpenListener;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;
import org.xnio.channels.AcceptingChannel;

/**
 * The listeners of a started server, and of each what Undertow keeps to itself.
 *
 * <p>Undertow makes and starts its listeners in one step and offers no hook to their connections;
 * all that is read of its fields for that is read here.
 */
final class OpenListeners {
  private static final String PLAIN = "http";
  private static final String TLS = "https";

  private OpenListeners() {}

  /** Those that speak HTTP on connections of their own. */
  static List<Listener> of(Undertow server) {
    List<ListenerInfo> started = server.getListenerInfo();
    List<?> configured = get(Undertow.class, "listeners", server, List.class);
    List<Listener> listeners = new ArrayList<>();
    for (int i = 0; i < started.size(); i++) {
      ListenerInfo info = started.get(i);
      Object config = configured.get(i);
      boolean isHttp = info.getProtcol().equals(PLAIN) || info.getProtcol().equals(TLS);
      if (isHttp && !get(config.getClass(), "useProxyProtocol", config, Boolean.class)) {
        listeners.add(listener(info, application(server, config)));
      }
    }
    return listeners;
  }

  @SuppressWarnings("unchecked") // what Undertow's listeners accept
  private static Listener listener(ListenerInfo info, HttpHandler application) {
    return new Listener(
        info.getProtcol().equals(TLS),
        get(ListenerInfo.class, "openListener", info, OpenListener.class),
        (AcceptingChannel<StreamConnection>)
            get(ListenerInfo.class, "channel", info, AcceptingChannel.class),
        application);
  }

  /** The handler that was configured; what the open listener has may be put around it. */
  private static HttpHandler application(Undertow server, Object config) {
    HttpHandler own = getOrNull(config.getClass(), "rootHandler", config, HttpHandler.class);
    return own == null ? get(Undertow.class, "rootHandler", server, HttpHandler.class) : own;
  }

  private static <T> T get(Class<?> type, String name, Object owner, Class<T> expected) {
    T value = getOrNull(type, name, owner, expected);
    if (value == null) {
      throw new UnsupportedOperationException(type.getName() + "." + name + " is not set");
    }
    return value;
  }

  private static <T> @Nullable T getOrNull(
      Class<?> type, String name, Object owner, Class<T> expected) {
    try {
      Field field = type.getDeclaredField(name);
      field.setAccessible(true);
      return expected.cast(field.get(owner));
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw new UnsupportedOperationException(
          "this version of Undertow has no readable field " + type.getName() + "." + name, e);
    }
  }

  /**
   * One listener.
   *
   * @param isTls whether its connections are encrypted
   * @param openListener takes the connections
   * @param channel accepts them
   * @param application answers their requests
   */
  record Listener(
      boolean isTls,
      OpenListener openListener,
      AcceptingChannel<StreamConnection> channel,
      HttpHandler application) {}
}
