// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.trace.TraceContext;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.WebServerConfig;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Watches every socket of a web server of Helidon 4.
 *
 * <pre>{@code
 * WebServer server =
 *     SondeHelidon.observe(WebServer.builder().port(8080).routing(routing), sonde).build().start();
 * }</pre>
 *
 * <p>Connections are seen from their accept on, requests from their parsed heads on, on HTTP/2 from
 * where they are routed. The routes are Helidon's own patterns, such as {@code /users/{id}}.
 */
public final class SondeHelidon {
  private SondeHelidon() {}

  /**
   * Returns the builder that is to build the server in place of {@code builder}.
   *
   * <p>Call it last, when all is set. What Helidon discovers when a server is built, protocols and
   * features, is discovered now. For a Sonde that is switched off it is {@code builder} itself.
   */
  public static WebServerConfig.Builder observe(WebServerConfig.Builder builder, Sonde sonde) {
    return observe(builder, sonde::listener);
  }

  /**
   * Says the route template of the current request, such as {@code /users/{id}}; it goes before
   * Helidon's own. Call it on the request's own thread; elsewhere it is ignored.
   */
  public static void route(String template) {
    if (TraceContext.currentWork() instanceof Exchange exchange
        && exchange.attachment() instanceof ObservedRequest request) {
      request.name(template);
    }
  }

  /**
   * Tells what failed in the current request, which the application goes on to answer by itself, in
   * an error handler, say. Call it on the request's own thread; elsewhere it is ignored.
   */
  public static void failed(Throwable failure) {
    if (TraceContext.currentWork() instanceof Exchange exchange) {
      exchange.failed(failure);
    }
  }

  static WebServerConfig.Builder observe(
      WebServerConfig.Builder builder,
      BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    boolean isTls = builder.tls().filter(Tls::enabled).isPresent();
    ListenerScope scope = scope(isTls, builder.useNio(), builder.writeQueueLength(), listeners);
    if (!scope.isEnabled()) {
      return builder;
    }
    WebServerConfig config = builder.buildPrototype();
    WebServerConfig.Builder observed = WebServerConfig.builder(config);
    observe(observed, config, scope);
    config
        .sockets()
        .forEach(
            (name, socket) -> {
              boolean hasTls = socket.tls().filter(Tls::enabled).isPresent();
              ListenerConfig.Builder other = ListenerConfig.builder(socket);
              observe(
                  other,
                  socket,
                  scope(hasTls, socket.useNio(), socket.writeQueueLength(), listeners));
              observed.putSocket(name, other.build());
            });
    return observed;
  }

  /** The one selector there is now is asked for a connection before any byte has come. */
  private static void observe(
      ListenerConfig.BuilderBase<?, ?> builder, ListenerConfig config, ListenerScope scope) {
    builder.clearProtocols();
    builder.protocolsDiscoverServices(false);
    builder.clearConnectionSelectors();
    builder.addConnectionSelector(new ObservingSelector(new ListenerWatch(scope, config), config));
  }

  private static ListenerScope scope(
      boolean isTls,
      boolean isNio,
      int writeQueueLength,
      BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    EnumSet<Capability> capabilities =
        EnumSet.complementOf(EnumSet.of(Capability.PASSIVE_DISCONNECT));
    if (isTls) {
      capabilities.remove(Capability.WIRE_BYTES);
      if (!isNio) {
        // Helidon shakes hands before it asks for a connection.
        capabilities.remove(Capability.ACCEPT);
        capabilities.remove(Capability.BYTELESS);
      }
    }
    if (writeQueueLength > 1) {
      // Writes return before the socket has taken the bytes; a queue of one is none to Helidon.
      capabilities.remove(Capability.WIRE_BYTES);
      capabilities.remove(Capability.BLOCKED_WRITES);
    }
    return listeners.apply("Helidon " + version(), capabilities);
  }

  /** That of the jar that runs; a constant of Helidon's would be that of the one compiled with. */
  static String version() {
    String version = WebServer.class.getPackage().getImplementationVersion();
    return version == null ? "4" : version;
  }
}
