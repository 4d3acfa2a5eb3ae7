// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.sonde.Sonde;
import dev.sonde.capture.jdkhttp.SondeJdkHttp;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** The shop on the HTTP server of the JDK. */
final class JdkShop implements ShopServer {
  private final HttpServer server;
  private final ExecutorService executor;

  private JdkShop(HttpServer server, ExecutorService executor) {
    this.server = server;
    this.executor = executor;
  }

  static ShopServer start(Shop shop, Sonde sonde, int port) throws IOException {
    // Read once, when the first server is made; else each response waits for a delayed ACK.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    HttpServer server = SondeJdkHttp.observe(HttpServer.create(address, 0), sonde);
    ExecutorService executor = Executors.newFixedThreadPool(THREADS);
    server.setExecutor(executor);
    server.createContext("/", exchange -> answer(shop, exchange));
    server.start();
    return new JdkShop(server, executor);
  }

  /** This server answers nothing by itself when a handler throws, so the shop does. */
  private static void answer(Shop shop, HttpExchange exchange) throws IOException {
    try {
      shop.answer(new JdkExchange(exchange));
    } catch (SQLException | RuntimeException e) {
      SondeJdkHttp.failed(exchange, e);
      byte[] body = "the shop failed\n".getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(500, body.length);
      exchange.getResponseBody().write(body);
    }
    exchange.close();
  }

  @Override
  public String name() {
    return "JDK " + System.getProperty("java.version") + " HttpServer";
  }

  @Override
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public List<String> unseen() {
    return List.of(
        "connections without a request",
        "requests that are not HTTP",
        "when a quiet connection is closed",
        "bytes on the wire");
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdown();
  }

  private record JdkExchange(HttpExchange exchange) implements ShopExchange {
    @Override
    public String method() {
      return exchange.getRequestMethod();
    }

    @Override
    public String path() {
      return exchange.getRequestURI().getPath();
    }

    @Override
    public @Nullable String query() {
      return exchange.getRequestURI().getRawQuery();
    }

    @Override
    public InputStream body() {
      return exchange.getRequestBody();
    }

    @Override
    public void route(String template) {
      SondeJdkHttp.route(exchange, template);
    }

    @Override
    public OutputStream respond(int status, String contentType, long length) throws IOException {
      exchange.getResponseHeaders().set("Content-Type", contentType);
      exchange.sendResponseHeaders(status, length);
      return exchange.getResponseBody();
    }
  }
}
