// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import dev.sonde.testkit.net.TlsMaterial;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/** The JDK's server, one in cleartext and one with TLS, a context for each route. */
final class JdkHttpFixture implements ServerFixture {
  /** Longer than any client of the contract is quiet between two requests on a busy machine. */
  private static final Duration UNSEEN_AFTER = Duration.ofSeconds(2);

  @Override
  public String server() {
    return "jdk-httpserver";
  }

  @Override
  public String version() {
    return System.getProperty("java.version");
  }

  @Override
  public Set<Capability> capabilities() {
    return Set.of(Capability.ROUTE, Capability.BLOCKED_WRITES);
  }

  @Override
  public Map<Deviation, String> deviations() {
    return Map.of(
        Deviation.HANDLER_FAILURE_DROPS,
        "the JDK's server drops the connection when a handler throws",
        Deviation.NO_HEAD_TIMEOUT,
        "the JDK's server does not time a head out unless a system property says so",
        Deviation.NO_REQUEST_LIMIT,
        "the JDK's server has no limit of requests on one connection",
        Deviation.NO_CONNECTION_LIMIT,
        "the JDK's server has no limit of connections in its public API",
        Deviation.CLOSE_UNSEEN,
        "the public API of the JDK's server does not tell of the close of a quiet connection",
        Deviation.UNROUTED_UNSEEN,
        "the JDK's server answers by itself what no context matches, and tells nobody");
  }

  @Override
  public String template(ContractRoute route) {
    return route.prefix();
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    ObservedListeners listeners = new ObservedListeners(collector);
    HttpServer clear = HttpServer.create(anyPort(), 128);
    HttpsServer secure = HttpsServer.create(anyPort(), 128);
    secure.setHttpsConfigurator(new HttpsConfigurator(sslContext(options.tls())));
    if (!listeners.isBare()) {
      clear = SondeJdkHttp.observe(clear, listeners, UNSEEN_AFTER);
      secure = SondeJdkHttp.observe(secure, listeners, UNSEEN_AFTER);
    }
    ExecutorService executor =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "jdk-httpserver");
              thread.setDaemon(true);
              return thread;
            });
    for (HttpServer server : List.of(clear, secure)) {
      server.setExecutor(executor);
      for (ContractRoute route : ContractRoute.values()) {
        if (route != ContractRoute.WEBSOCKET) {
          server.createContext(route.prefix(), exchange -> serve(route, application, exchange));
        }
      }
      server.start();
    }
    return new Running(clear, secure, executor, listeners, options);
  }

  private static void serve(
      ContractRoute route, ContractApplication application, HttpExchange exchange)
      throws IOException {
    JdkExchange served = new JdkExchange(exchange);
    try {
      route.serve(application, served);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    if (!served.isAsync) {
      exchange.close();
    }
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private static SSLContext sslContext(TlsMaterial tls) throws Exception {
    KeyStore keys = tls.keyStore();
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, TlsMaterial.password().toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context;
  }

  /** One request. */
  private static final class JdkExchange implements ContractExchange {
    private final HttpExchange exchange;
    private boolean isAsync;

    JdkExchange(HttpExchange exchange) {
      this.exchange = exchange;
    }

    @Override
    public String path() {
      return exchange.getRequestURI().getPath();
    }

    @Override
    public @Nullable String query() {
      return exchange.getRequestURI().getQuery();
    }

    @Override
    public InputStream requestBody() {
      return exchange.getRequestBody();
    }

    @Override
    public void respond(int status) throws IOException {
      exchange.sendResponseHeaders(status, -1);
    }

    @Override
    public OutputStream respond(int status, String contentType, long contentLength)
        throws IOException {
      exchange.getResponseHeaders().set("Content-Type", contentType);
      if (exchange.getRequestMethod().equals("HEAD")) {
        exchange.getResponseHeaders().set("Content-Length", Long.toString(contentLength));
        exchange.sendResponseHeaders(status, -1);
        return OutputStream.nullOutputStream();
      }
      exchange.sendResponseHeaders(status, Math.max(0, contentLength));
      return exchange.getResponseBody();
    }

    @Override
    public void async(Executor executor, Task task) {
      isAsync = true;
      executor.execute(
          () -> {
            try {
              task.run(this);
            } catch (IOException | InterruptedException | RuntimeException e) {
              SondeJdkHttp.failed(exchange, e);
            }
            exchange.close();
          });
    }
  }

  /** A started server. */
  private record Running(
      HttpServer clear,
      HttpsServer secure,
      ExecutorService executor,
      ObservedListeners listeners,
      ServerOptions options)
      implements RunningServer {
    @Override
    public int port() {
      return clear.getAddress().getPort();
    }

    @Override
    public int tlsPort() {
      return secure.getAddress().getPort();
    }

    @Override
    public void stopGracefully() {
      stop((int) options.gracefulStop().toSeconds());
    }

    @Override
    public void close() {
      stop(0);
      listeners.assertNoFaults();
    }

    private void stop(int seconds) {
      clear.stop(seconds);
      secure.stop(0);
      executor.shutdown();
    }
  }
}
