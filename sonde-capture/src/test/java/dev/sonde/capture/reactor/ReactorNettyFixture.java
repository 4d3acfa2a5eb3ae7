// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import dev.sonde.capture.Capability;
import dev.sonde.capture.netty.NettyWatches;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import dev.sonde.testkit.net.TlsMaterial;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.netty.DisposableServer;
import reactor.netty.ReactorNetty;
import reactor.netty.http.Http2SslContextSpec;
import reactor.netty.http.HttpProtocol;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.SslProvider;

/** Reactor Netty with cleartext h1 and h2c, and with TLS and ALPN. */
final class ReactorNettyFixture implements ServerFixture {
  @Override
  public String server() {
    return "reactor-netty";
  }

  @Override
  public String version() {
    String version = ReactorNetty.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.allOf(Capability.class);
  }

  @Override
  public Map<Deviation, String> deviations() {
    return Map.of(
        Deviation.NO_CONNECTION_LIMIT,
        "Reactor Netty has no limit of connections to one server",
        Deviation.ERRORS_CLOSE,
        "the 500 that Reactor Netty answers for an application that failed ends the connection");
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    ObservedListeners listeners = new ObservedListeners(collector);
    LoopResources loops = LoopResources.create("contract", 1, 2, true);
    ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    ExecutorService workers =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "reactor-netty-application");
              thread.setDaemon(true);
              return thread;
            });

    HttpServer common = server(options, loops, connections);
    HttpServer served =
        common.handle((request, response) -> answer(application, workers, request, response));
    HttpServer observed =
        listeners.isBare()
            ? served
            : SondeReactorNetty.observe(served, NettyWatches.of(listeners), listeners.isEnabled());
    DisposableServer clear = observed.protocol(HttpProtocol.HTTP11, HttpProtocol.H2C).bindNow();
    DisposableServer secure =
        observed
            .protocol(HttpProtocol.HTTP11, HttpProtocol.H2)
            .secure(spec -> spec.sslContext(tls(options)))
            .bindNow();
    return new Running(clear, secure, connections, loops, workers, listeners, options);
  }

  private static HttpServer server(
      ServerOptions options, LoopResources loops, ChannelGroup connections) {
    HttpServer server =
        HttpServer.create()
            .host("127.0.0.1")
            .port(0)
            .runOn(loops)
            .channelGroup(connections)
            .idleTimeout(options.idleTimeout())
            // Of a body that stalls.
            .requestTimeout(options.idleTimeout())
            .httpRequestDecoder(
                decoder ->
                    decoder
                        .maxHeaderSize(options.maxHeadBytes())
                        // Without it a request of HTTP/1 that asks for HTTP/2 is not answered.
                        .h2cMaxContentLength(65_536));
    return options.maxRequestsPerConnection() == 0
        ? server
        : server.maxKeepAliveRequests(options.maxRequestsPerConnection());
  }

  private static Publisher<Void> answer(
      ContractApplication application,
      ExecutorService workers,
      HttpServerRequest request,
      HttpServerResponse response) {
    ContractRoute route = ContractRoute.of(request.fullPath());
    if (route == null) {
      return response.sendNotFound();
    }
    SondeReactorNetty.route(request, route.template());
    if (route == ContractRoute.WEBSOCKET) {
      return response.sendWebsocket(
          (in, out) -> out.sendObject(in.receiveFrames().map(WebSocketFrame::retain)));
    }
    ReactorExchange exchange = new ReactorExchange(request, response);
    // On the event loop, as Reactor Netty has it, if it can be; but by a task of its own: up to
    // 1.3.7 the connection of a request that had to wait for the end of the one before stands still
    // if it is answered at once.
    Executor executor = route.isPrompt() ? exchange.eventLoop() : workers;
    return exchange.serve(route, application, executor);
  }

  private static SslProvider.GenericSslContextSpec<?> tls(ServerOptions options) {
    try {
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(options.tls().keyStore(), TlsMaterial.password().toCharArray());
      return Http2SslContextSpec.forServer(keys);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** A started server. */
  private record Running(
      DisposableServer clear,
      DisposableServer secure,
      ChannelGroup connections,
      LoopResources loops,
      ExecutorService workers,
      ObservedListeners listeners,
      ServerOptions options)
      implements RunningServer {
    @Override
    public int port() {
      return clear.port();
    }

    @Override
    public int tlsPort() {
      return secure.port();
    }

    @Override
    public void stopGracefully() {
      for (DisposableServer server : List.of(clear, secure)) {
        server.disposeNow(options.gracefulStop());
      }
      stop();
    }

    @Override
    public void close() {
      stop();
      listeners.assertNoFaults();
    }

    private void stop() {
      if (loops.isDisposed()) {
        return;
      }
      for (DisposableServer server : List.of(clear, secure)) {
        server.channel().close().syncUninterruptibly();
      }
      boolean unused = connections.close().awaitUninterruptibly(5, TimeUnit.SECONDS);
      loops.disposeLater(Duration.ZERO, Duration.ofSeconds(5)).block();
      workers.shutdownNow();
    }
  }
}
