// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.sonde.Sonde;
import dev.sonde.capture.jdkhttp.SondeJdkHttp;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** On the HTTP server of the JDK. */
final class JdkHello implements HelloServer {
  private final HttpServer server;

  private JdkHello(HttpServer server) {
    this.server = server;
  }

  static JdkHello start(Hello hello, @Nullable Sonde sonde) throws IOException {
    // Read once, when the first server is made; else each response waits for a delayed ACK.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer created = HttpServer.create(new InetSocketAddress(ADDRESS, 0), 0);
    HttpServer server = sonde == null ? created : SondeJdkHttp.observe(created, sonde);
    server.createContext("/", exchange -> answer(hello, exchange));
    server.start();
    return new JdkHello(server);
  }

  private static void answer(Hello hello, HttpExchange exchange) throws IOException {
    byte[] body = hello.answer();
    exchange.getResponseHeaders().set("Content-Type", Hello.TYPE);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  @Override
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
