// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.Undertow.ListenerType;
import io.undertow.UndertowOptions;
import io.undertow.Version;
import io.undertow.server.HttpHandler;
import io.undertow.server.handlers.BlockingHandler;
import io.undertow.server.handlers.PathTemplateHandler;
import io.undertow.websockets.core.AbstractReceiveListener;
import io.undertow.websockets.core.BufferedTextMessage;
import io.undertow.websockets.core.WebSocketChannel;
import io.undertow.websockets.core.WebSockets;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.xnio.OptionMap;
import org.xnio.Options;

/** Undertow with cleartext h1 and h2c, and with TLS and ALPN; its path templates are the routes. */
final class UndertowFixture implements ServerFixture {
  /** Kept, so that what is set on it lasts: Undertow logs every failure of a handler. */
  private static final Logger UNDERTOW = Logger.getLogger("io.undertow");

  @Override
  public String server() {
    return "undertow";
  }

  @Override
  public String version() {
    return Version.getVersionString();
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.complementOf(
        EnumSet.of(Capability.PASSIVE_DISCONNECT, Capability.BLOCKED_WRITES));
  }

  @Override
  public Map<Deviation, String> deviations() {
    return Map.of(
        Deviation.NO_REQUEST_LIMIT,
        "Undertow has no limit of requests on one connection",
        Deviation.CONNECTION_LIMIT_PAUSES,
        "at its high water mark of connections Undertow stops accepting",
        Deviation.NO_GRACEFUL_STOP,
        "Undertow's graceful stop is a handler's, the port stays open until the requests are over");
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options) {
    UNDERTOW.setLevel(Level.OFF);
    int idleMillis = (int) options.idleTimeout().toMillis();
    Undertow.Builder builder =
        Undertow.builder()
            .setIoThreads(options.maxConnections() > 0 ? 1 : 2)
            .setWorkerThreads(100)
            .setServerOption(UndertowOptions.ENABLE_HTTP2, true)
            .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, idleMillis)
            .setServerOption(UndertowOptions.REQUEST_PARSE_TIMEOUT, idleMillis)
            .setServerOption(UndertowOptions.MAX_HEADER_SIZE, options.maxHeadBytes())
            .setSocketOption(Options.READ_TIMEOUT, idleMillis)
            .setHandler(Handlers.httpContinueRead(handler(application)))
            .addListener(clear(options))
            .addHttpsListener(0, "127.0.0.1", options.tls().serverContext());
    if (options.maxResetsPerSecond() > 0) {
      builder
          .setServerOption(UndertowOptions.MAX_RST_FRAMES_PER_WINDOW, options.maxResetsPerSecond())
          .setServerOption(UndertowOptions.RST_FRAMES_TIME_WINDOW, 1000);
    }
    Undertow undertow = builder.build();
    undertow.start();
    ObservedListeners listeners = new ObservedListeners(collector);
    if (!listeners.isBare()) {
      SondeUndertow.observe(undertow, listeners);
    }
    return new Running(undertow, port(undertow, 0), port(undertow, 1), listeners);
  }

  private static Undertow.ListenerBuilder clear(ServerOptions options) {
    Undertow.ListenerBuilder clear =
        new Undertow.ListenerBuilder().setType(ListenerType.HTTP).setPort(0).setHost("127.0.0.1");
    if (options.maxConnections() > 0) {
      clear.setOverrideSocketOptions(
          OptionMap.create(
              Options.CONNECTION_HIGH_WATER,
              options.maxConnections(),
              Options.CONNECTION_LOW_WATER,
              options.maxConnections()));
    }
    return clear;
  }

  private static HttpHandler handler(ContractApplication application) {
    PathTemplateHandler routes = Handlers.pathTemplate();
    for (ContractRoute route : ContractRoute.values()) {
      routes.add(
          route.template(),
          route == ContractRoute.WEBSOCKET
              ? Handlers.websocket((exchange, channel) -> echo(channel))
              : new BlockingHandler(new ContractHandler(route, application)));
    }
    return routes;
  }

  private static void echo(WebSocketChannel channel) {
    channel
        .getReceiveSetter()
        .set(
            new AbstractReceiveListener() {
              @Override
              protected void onFullTextMessage(WebSocketChannel from, BufferedTextMessage message) {
                WebSockets.sendText(message.getData(), from, null);
              }
            });
    channel.resumeReceives();
  }

  private static int port(Undertow undertow, int listener) {
    return ((InetSocketAddress) undertow.getListenerInfo().get(listener).getAddress()).getPort();
  }

  /** A started server. */
  private record Running(Undertow undertow, int port, int tlsPort, ObservedListeners listeners)
      implements RunningServer {
    @Override
    public void stopGracefully() {
      close();
    }

    @Override
    public void close() {
      undertow.stop();
      listeners.assertNoFaults();
    }
  }
}
