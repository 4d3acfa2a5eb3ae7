// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.Capability;
import dev.sonde.capture.servlet.RouteServlet;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import dev.sonde.testkit.net.TlsMaterial;
import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.websocket.DeploymentException;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardService;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.util.ServerInfo;
import org.apache.catalina.valves.ErrorReportValve;
import org.apache.coyote.http2.Http2Protocol;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;
import org.apache.tomcat.websocket.server.WsSci;
import org.jspecify.annotations.Nullable;

/** Tomcat with cleartext h1 and h2c, and with TLS and ALPN; its servlet mappings are the routes. */
public class TomcatFixture implements ServerFixture {
  /** Kept, so that what is set on it lasts: Tomcat logs every failure of a servlet. */
  private static final Logger TOMCAT = Logger.getLogger("org.apache");

  private final String server;
  private final boolean isObserved;

  /**
   * @param isObserved whether the connectors are the adapter's; otherwise the application itself
   *     brings what watches it
   */
  public TomcatFixture(String server, boolean isObserved) {
    this.server = server;
    this.isObserved = isObserved;
  }

  /** Adds to the application what watches it, if that is done by itself. */
  protected void observe(Context context, ObservedListeners listeners) {}

  @Override
  public final String server() {
    return server;
  }

  @Override
  public final String version() {
    return ServerInfo.getServerInfo().replaceFirst(".*/", "");
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.complementOf(EnumSet.of(Capability.PASSIVE_DISCONNECT));
  }

  @Override
  public Map<Deviation, String> deviations() {
    return Map.of(
        Deviation.CONNECTION_LIMIT_PAUSES,
        "at maxConnections the acceptor waits until a connection is closed",
        Deviation.ERRORS_CLOSE,
        "Tomcat closes a connection after 500, 503 and some of 4xx",
        Deviation.WAKES_ITSELF,
        "Tomcat's acceptor is woken at a stop by a connection that it closes again",
        Deviation.NO_REASON_PHRASE,
        "Tomcat sends none");
  }

  @Override
  public final String template(ContractRoute route) {
    return RouteServlet.pattern(route);
  }

  @Override
  public final RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    TOMCAT.setLevel(Level.OFF);
    Path directory = Files.createTempDirectory("tomcat");
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(directory.toString());
    ObservedListeners listeners = new ObservedListeners(collector);
    boolean isBare = listeners.isBare() || !isObserved;
    Connector clear =
        configured(isBare ? new Connector() : SondeTomcat.connector(listeners), options);
    Connector tls =
        configured(isBare ? new Connector() : SondeTomcat.connector(listeners), options);
    encrypt(tls, options.tls());
    if (options.maxConnections() > 0) {
      set(clear, "maxConnections", options.maxConnections());
    }
    tomcat.setConnector(clear);
    tomcat.getService().addConnector(tls);
    Context context = deploy(tomcat, directory, application);
    if (!listeners.isBare()) {
      observe(context, listeners);
    }
    tomcat.start();
    return new Running(
        tomcat, clear.getLocalPort(), tls.getLocalPort(), listeners, directory, options);
  }

  private static Connector configured(Connector connector, ServerOptions options) {
    connector.setPort(0);
    connector.setThrowOnFailure(true);
    set(connector, "address", "127.0.0.1");
    // Else a connector that is paused goes on to accept.
    set(connector, "bindOnInit", false);
    set(connector, "connectionTimeout", options.idleTimeout().toMillis());
    set(connector, "maxHttpHeaderSize", options.maxHeadBytes());
    set(connector, "maxThreads", 100);
    set(
        connector,
        "maxKeepAliveRequests",
        options.maxRequestsPerConnection() == 0 ? -1 : options.maxRequestsPerConnection());
    Http2Protocol http2 = new Http2Protocol();
    // The contract's client gives back every window at once, which Tomcat takes for an attack.
    http2.setOverheadWindowUpdateThreshold(0);
    connector.addUpgradeProtocol(http2);
    return connector;
  }

  static void encrypt(Connector connector, TlsMaterial material) throws Exception {
    set(connector, "SSLEnabled", true);
    connector.setScheme("https");
    connector.setSecure(true);
    SSLHostConfig ssl = new SSLHostConfig();
    SSLHostConfigCertificate certificate =
        new SSLHostConfigCertificate(ssl, SSLHostConfigCertificate.Type.UNDEFINED);
    certificate.setCertificateKeystore(material.keyStore());
    certificate.setCertificateKeystorePassword(TlsMaterial.password());
    ssl.addCertificate(certificate);
    connector.addSslHostConfig(ssl);
  }

  private static Context deploy(Tomcat tomcat, Path directory, ContractApplication application) {
    // Its stack traces name the adapter's classes, too.
    ErrorReportValve errors = new ErrorReportValve();
    errors.setShowReport(false);
    tomcat.getHost().getPipeline().addValve(errors);
    Context context = tomcat.addContext("", directory.toString());
    Tomcat.addServlet(context, "default", new DefaultServlet());
    context.addServletMapping("/", "default");
    for (ContractRoute route : ContractRoute.values()) {
      if (route != ContractRoute.WEBSOCKET) {
        Wrapper wrapper =
            Tomcat.addServlet(
                context,
                route.name(),
                new RouteServlet(route, application, /* isBrokenEnded= */ true));
        wrapper.setAsyncSupported(true);
        context.addServletMapping(RouteServlet.pattern(route), route.name());
      }
    }
    context.addServletContainerInitializer(new WsSci(), null);
    context.addApplicationListener(EchoListener.class.getName());
    return context;
  }

  private static void set(Connector connector, String name, Object value) {
    if (!connector.setProperty(name, value.toString())) {
      throw new IllegalArgumentException("Tomcat knows no " + name);
    }
  }

  /** Tells Tomcat of the WebSocket; made by it. */
  public static final class EchoListener implements ServletContextListener {
    /** For Tomcat. */
    public EchoListener() {}

    @Override
    public void contextInitialized(ServletContextEvent event) {
      ServerContainer container =
          (ServerContainer) event.getServletContext().getAttribute(ServerContainer.class.getName());
      try {
        container.addEndpoint(
            ServerEndpointConfig.Builder.create(
                    EchoEndpoint.class, ContractRoute.WEBSOCKET.template())
                .build());
      } catch (DeploymentException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** A started server. */
  private record Running(
      Tomcat tomcat,
      int port,
      int tlsPort,
      ObservedListeners listeners,
      Path directory,
      ServerOptions options)
      implements RunningServer {
    @Override
    public void stopGracefully() throws Exception {
      ((StandardService) tomcat.getService())
          .setGracefulStopAwaitMillis(options.gracefulStop().toMillis());
      stop();
    }

    @Override
    public void close() throws Exception {
      stop();
      listeners.assertNoFaults();
    }

    private void stop() throws LifecycleException, IOException {
      if (Files.exists(directory)) {
        tomcat.stop();
        tomcat.destroy();
        delete(directory);
      }
    }

    private static void delete(Path directory) throws IOException {
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
