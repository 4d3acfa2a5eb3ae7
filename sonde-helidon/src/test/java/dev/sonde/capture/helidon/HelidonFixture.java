// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.WebServerConfig;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http2.Http2Config;
import io.helidon.webserver.spi.ProtocolConfig;
import io.helidon.webserver.websocket.WsConfig;
import io.helidon.webserver.websocket.WsRouting;
import io.helidon.websocket.WsListener;
import io.helidon.websocket.WsSession;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Helidon with a cleartext socket and one with TLS, its patterns as routes.
 *
 * @param hasHttp2 whether it speaks HTTP/2, too; else HTTP/1 is all it has to choose from
 */
record HelidonFixture(boolean hasHttp2) implements ServerFixture {
  private static final String TLS_SOCKET = "tls";

  /** Helidon's clock steps once a second, so what it takes for so long may be a second less. */
  private static final Duration CLOCK_STEP = Duration.ofSeconds(1);

  /** Kept, so that what is set on it lasts: Helidon logs every failure of a handler. */
  private static final Logger HELIDON = Logger.getLogger("io.helidon");

  @Override
  public String server() {
    return hasHttp2 ? "helidon" : "helidon-http1";
  }

  @Override
  public String version() {
    return SondeHelidon.version();
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> capabilities =
        EnumSet.complementOf(EnumSet.of(Capability.PASSIVE_DISCONNECT));
    if (!hasHttp2) {
      capabilities.remove(Capability.H2);
    }
    return capabilities;
  }

  @Override
  public Map<Deviation, String> deviations() {
    Map<Deviation, String> deviations = new EnumMap<>(Deviation.class);
    deviations.put(Deviation.NO_HTTP10, "Helidon does not speak HTTP/1.0");
    deviations.put(
        Deviation.CLOSE_LEFT_TO_CLIENT,
        "Helidon answers Connection: close by the same, and leaves the close to the client");
    deviations.put(Deviation.NO_HEAD_TIMEOUT, "Helidon times a head out in its first line only");
    deviations.put(
        Deviation.NO_REQUEST_LIMIT, "Helidon has no limit of requests on one connection");
    deviations.put(
        Deviation.CONNECTION_LIMIT_PAUSES,
        "at its limit of connections Helidon accepts the next one when another has ended");
    if (hasHttp2) {
      deviations.put(
          Deviation.HEADER_TABLE_KEPT,
          "Helidon compresses its heads as if the client had not set SETTINGS_HEADER_TABLE_SIZE");
      deviations.put(
          Deviation.FIRST_BYTES_AWAITED,
          "Helidon waits for as many bytes as the preface of HTTP/2 has, however long");
    }
    return deviations;
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options) {
    HELIDON.setLevel(Level.OFF);
    List<ProtocolConfig> protocols = protocols(options);
    ListenerConfig.Builder secure =
        ListenerConfig.builder()
            .name(TLS_SOCKET)
            .tls(Tls.builder().sslContext(options.tls().serverContext()).build());
    configure(secure, application, protocols, options);
    WebServerConfig.Builder builder =
        WebServer.builder().shutdownHook(false).putSocket(TLS_SOCKET, secure.build());
    configure(builder, application, protocols, options);
    if (options.maxConnections() > 0) {
      builder.maxTcpConnections(options.maxConnections());
    }
    ObservedListeners listeners = new ObservedListeners(collector);
    WebServer server =
        (listeners.isBare() ? builder : SondeHelidon.observe(builder, listeners)).build().start();
    return new Running(server, listeners);
  }

  private static void configure(
      ListenerConfig.BuilderBase<?, ?> builder,
      ContractApplication application,
      List<ProtocolConfig> protocols,
      ServerOptions options) {
    HttpRouting.Builder routing = HttpRouting.builder();
    for (ContractRoute route : ContractRoute.values()) {
      if (route != ContractRoute.WEBSOCKET) {
        routing.any(route.template(), new ContractHandler(route, application));
      }
    }
    builder
        .host("127.0.0.1")
        .port(0)
        .protocolsDiscoverServices(false)
        .protocols(protocols)
        .addRouting(routing)
        .addRouting(
            WsRouting.builder().endpoint(ContractRoute.WEBSOCKET.template(), new EchoListener()))
        .idleConnectionTimeout(options.idleTimeout().plus(CLOCK_STEP))
        .idleConnectionPeriod(Duration.ofMillis(50))
        .shutdownGracePeriod(options.gracefulStop());
  }

  private List<ProtocolConfig> protocols(ServerOptions options) {
    Http1Config http1 = Http1Config.builder().maxHeadersSize(options.maxHeadBytes()).build();
    WsConfig webSocket = WsConfig.create();
    if (!hasHttp2) {
      return List.of(http1, webSocket);
    }
    Http2Config.Builder http2 = Http2Config.builder();
    if (options.maxResetsPerSecond() > 0) {
      http2
          .rapidResetCheckPeriod(Duration.ofSeconds(1))
          .maxRapidResets(options.maxResetsPerSecond());
    }
    return List.of(http1, http2.build(), webSocket);
  }

  /** Sends back what it gets. */
  private static final class EchoListener implements WsListener {
    @Override
    public void onMessage(WsSession session, String text, boolean last) {
      session.send(text, last);
    }
  }

  /** A started server. */
  private record Running(WebServer server, ObservedListeners listeners) implements RunningServer {
    @Override
    public int port() {
      return server.port();
    }

    @Override
    public int tlsPort() {
      return server.port(TLS_SOCKET);
    }

    @Override
    public void stopGracefully() {
      server.stop();
    }

    @Override
    public void close() {
      server.stop();
      listeners.assertNoFaults();
    }
  }
}
