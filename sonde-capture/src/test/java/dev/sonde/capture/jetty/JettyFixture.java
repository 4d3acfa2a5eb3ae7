// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import dev.sonde.testkit.net.TlsMaterial;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.websocket.core.server.WebSocketUpgradeHandler;
import org.jspecify.annotations.Nullable;

/**
 * Jetty with cleartext h1 and h2c, and with TLS and ALPN.
 *
 * <p>The limit of HTTP/2 resets stays at Jetty's own of 128 a second: the method that sets it has
 * another signature in 12.1.
 */
public abstract class JettyFixture implements ServerFixture {
  /** How a server is watched. */
  public enum Way {
    /** By the adapter's own connectors. */
    CONNECTOR,
    /** By the adapter's bean, with Jetty's own connectors. */
    BEAN,
    /** By what the application brings, without the adapter of Jetty. */
    APPLICATION
  }

  private final String server;
  private final Way way;

  JettyFixture(String server, Way way) {
    this.server = server;
    this.way = way;
  }

  /**
   * What serves all routes but the WebSocket.
   *
   * @param listeners where the application tells what it sees, or null if nobody wants to know
   */
  abstract Handler handler(ContractApplication application, @Nullable ObservedListeners listeners);

  @Override
  public final String server() {
    return server;
  }

  @Override
  public final String version() {
    return Server.getVersion();
  }

  @Override
  public Set<Capability> capabilities() {
    EnumSet<Capability> capabilities = EnumSet.allOf(Capability.class);
    capabilities.remove(Capability.PASSIVE_DISCONNECT);
    if (way == Way.BEAN) {
      capabilities.remove(Capability.WIRE_BYTES);
      capabilities.remove(Capability.IDLE_EXACT);
      capabilities.remove(Capability.WEBSOCKET);
      capabilities.remove(Capability.BLOCKED_WRITES);
    }
    return capabilities;
  }

  @Override
  public Map<Deviation, String> deviations() {
    return Map.of(
        Deviation.NO_REQUEST_LIMIT,
        "Jetty has no limit of requests on one connection",
        Deviation.CONNECTION_LIMIT_PAUSES,
        "NetworkConnectionLimit stops accepting until a connection is closed");
  }

  @Override
  public final RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    QueuedThreadPool threads = new QueuedThreadPool(100);
    threads.setDaemon(true);
    Server jetty = new Server(threads);
    ObservedListeners listeners = new ObservedListeners(collector);

    ServerConnector clear = connector(jetty, listeners, clearFactories(options));
    ServerConnector tls = connector(jetty, listeners, tlsFactories(options));
    for (ServerConnector connector : List.of(clear, tls)) {
      connector.setHost("127.0.0.1");
      connector.setIdleTimeout(options.idleTimeout().toMillis());
      jetty.addConnector(connector);
    }
    if (!listeners.isBare() && way == Way.BEAN) {
      jetty.addBean(SondeJetty.on(listeners));
    }
    if (options.maxConnections() > 0) {
      jetty.addBean(new NetworkConnectionLimit(options.maxConnections(), clear));
    }
    WebSocketUpgradeHandler webSocket = new WebSocketUpgradeHandler();
    webSocket.addMapping(
        ContractRoute.WEBSOCKET.template(), (request, response, callback) -> new EchoFrames());
    webSocket.setHandler(handler(application, listeners.isBare() ? null : listeners));
    jetty.setHandler(new GracefulHandler(webSocket));
    jetty.start();
    return new Running(jetty, clear.getLocalPort(), tls.getLocalPort(), listeners, options);
  }

  private ServerConnector connector(
      Server jetty, ObservedListeners listeners, ConnectionFactory... factories) {
    return listeners.isBare() || way != Way.CONNECTOR
        ? new ServerConnector(jetty, factories)
        : SondeJetty.connector(jetty, listeners, factories);
  }

  private static ConnectionFactory[] clearFactories(ServerOptions options) {
    HttpConfiguration http = new HttpConfiguration();
    http.setRequestHeaderSize(options.maxHeadBytes());
    return new ConnectionFactory[] {
      new HttpConnectionFactory(http), new HTTP2CServerConnectionFactory(http)
    };
  }

  private static ConnectionFactory[] tlsFactories(ServerOptions options) {
    HttpConfiguration https = new HttpConfiguration();
    https.setRequestHeaderSize(options.maxHeadBytes());
    https.addCustomizer(new SecureRequestCustomizer(false));
    SslContextFactory.Server ssl = new SslContextFactory.Server();
    ssl.setKeyStore(options.tls().keyStore());
    ssl.setKeyStorePassword(TlsMaterial.password());
    ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
    alpn.setDefaultProtocol("http/1.1");
    return new ConnectionFactory[] {
      new SslConnectionFactory(ssl, alpn.getProtocol()),
      alpn,
      new HTTP2ServerConnectionFactory(https),
      new HttpConnectionFactory(https)
    };
  }

  /** A started server. */
  private record Running(
      Server jetty, int port, int tlsPort, ObservedListeners listeners, ServerOptions options)
      implements RunningServer {
    @Override
    public void stopGracefully() throws Exception {
      jetty.setStopTimeout(options.gracefulStop().toMillis());
      jetty.stop();
    }

    @Override
    public void close() throws Exception {
      jetty.setStopTimeout(0);
      jetty.stop();
      listeners.assertNoFaults();
    }
  }
}
