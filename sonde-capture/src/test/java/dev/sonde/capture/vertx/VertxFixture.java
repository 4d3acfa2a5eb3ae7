// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

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
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.ext.web.Router;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.X509KeyManager;
import org.jspecify.annotations.Nullable;

/** Two servers of one Vert.x with a router, in cleartext and with TLS. */
final class VertxFixture implements ServerFixture {
  /** Says of every handler that fails what it threw; the contract has many that do. */
  private static final Logger ROUTER = Logger.getLogger("io.vertx.ext.web.RoutingContext");

  static {
    ROUTER.setLevel(Level.OFF);
  }

  @Override
  public String server() {
    return "vertx";
  }

  @Override
  public String version() {
    return SondeVertx.version();
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.allOf(Capability.class);
  }

  @Override
  public Map<Deviation, String> deviations() {
    Map<Deviation, String> deviations = new EnumMap<>(Deviation.class);
    deviations.put(Deviation.NO_REQUEST_LIMIT, "Vert.x has no limit of requests on one connection");
    deviations.put(Deviation.NO_CONNECTION_LIMIT, "Vert.x has no limit of connections");
    deviations.put(
        Deviation.REFUSED_UNROUTED, "a router looks at Host and path before it looks for a route");
    if (version().startsWith("4.")) {
      deviations.put(Deviation.NO_GRACEFUL_STOP, "Vert.x 4 closes what is open when it stops");
    }
    return deviations;
  }

  @Override
  public String template(ContractRoute route) {
    return route.template().replaceAll("\\{(\\w+)}", ":$1");
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    ObservedListeners listeners = new ObservedListeners(collector);
    VertxBuilder builder = Vertx.builder();
    if (!listeners.isBare()) {
      builder.withMetrics(SondeVertx.metrics(listeners, listeners.isEnabled()));
    }
    Vertx vertx = builder.build();
    ExecutorService workers =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "vertx-application");
              thread.setDaemon(true);
              return thread;
            });
    Router router = router(vertx, application, workers);
    HttpServer clear = listen(vertx, router, options(options));
    HttpServer secure =
        listen(
            vertx,
            router,
            options(options).setSsl(true).setUseAlpn(true).setKeyCertOptions(keys(options)));
    return new Running(vertx, workers, clear, secure, listeners, options);
  }

  private Router router(Vertx vertx, ContractApplication application, ExecutorService workers) {
    Router router = Router.router(vertx);
    for (ContractRoute route : ContractRoute.values()) {
      if (route == ContractRoute.WEBSOCKET) {
        router
            .route(template(route))
            .handler(
                routing ->
                    routing
                        .request()
                        .toWebSocket()
                        .onSuccess(
                            socket ->
                                socket.handler(
                                    message -> socket.writeTextMessage(message.toString()))));
      } else {
        router
            .route(template(route))
            .handler(
                routing -> {
                  VertxExchange exchange = new VertxExchange(routing);
                  // On the event loop, as Vert.x has it, if it can be.
                  if (route.isPrompt()) {
                    exchange.serve(route, application);
                  } else {
                    workers.execute(() -> exchange.serve(route, application));
                  }
                });
      }
    }
    return router;
  }

  private static HttpServerOptions options(ServerOptions options) {
    HttpServerOptions made =
        new HttpServerOptions()
            .setIdleTimeout((int) options.idleTimeout().toMillis())
            .setIdleTimeoutUnit(TimeUnit.MILLISECONDS)
            .setMaxHeaderSize(options.maxHeadBytes())
            .setHandle100ContinueAutomatically(true);
    if (options.maxResetsPerSecond() > 0) {
      made.setHttp2RstFloodMaxRstFramePerWindow(options.maxResetsPerSecond())
          .setHttp2RstFloodWindowDuration(1);
    }
    return made;
  }

  private static KeyCertOptions keys(ServerOptions options) throws Exception {
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(options.tls().keyStore(), TlsMaterial.password().toCharArray());
    return KeyCertOptions.wrap((X509KeyManager) keys.getKeyManagers()[0]);
  }

  private static HttpServer listen(Vertx vertx, Router router, HttpServerOptions options)
      throws ExecutionException, InterruptedException, TimeoutException {
    return await(vertx.createHttpServer(options).requestHandler(router).listen(0, "127.0.0.1"));
  }

  private static <T> T await(Future<T> future)
      throws ExecutionException, InterruptedException, TimeoutException {
    return future.toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  /** A started server. */
  private record Running(
      Vertx vertx,
      ExecutorService workers,
      HttpServer clear,
      HttpServer secure,
      ObservedListeners listeners,
      ServerOptions options)
      implements RunningServer {
    @Override
    public int port() {
      return clear.actualPort();
    }

    @Override
    public int tlsPort() {
      return secure.actualPort();
    }

    /** Of Vert.x 5 only. */
    @Override
    public void stopGracefully()
        throws ReflectiveOperationException,
            ExecutionException,
            InterruptedException,
            TimeoutException {
      for (HttpServer server : List.of(clear, secure)) {
        Object stopped =
            HttpServer.class
                .getMethod("shutdown", long.class, TimeUnit.class)
                .invoke(server, options.gracefulStop().toMillis(), TimeUnit.MILLISECONDS);
        Object unused = await((Future<?>) stopped);
      }
    }

    @Override
    public void close() throws ExecutionException, InterruptedException, TimeoutException {
      if (!workers.isShutdown()) {
        Object unusedClear = await(clear.close());
        Object unusedSecure = await(secure.close());
        workers.shutdownNow();
        boolean unusedTermination = workers.awaitTermination(5, TimeUnit.SECONDS);
        Object unused = await(vertx.close());
      }
      listeners.assertNoFaults();
    }
  }
}
