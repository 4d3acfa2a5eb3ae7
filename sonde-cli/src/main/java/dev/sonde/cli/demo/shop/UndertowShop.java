// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.capture.undertow.SondeUndertow;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.Version;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.BlockingHandler;
import io.undertow.util.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** The shop on Undertow. */
final class UndertowShop implements ShopServer {
  private final Undertow server;

  private UndertowShop(Undertow server) {
    this.server = server;
  }

  static ShopServer start(Shop shop, Sonde sonde, int port) throws IOException {
    // Asked when the first logger is made; else Undertow's start is told on the console.
    System.setProperty("org.jboss.logging.provider", "slf4j");
    Undertow server =
        Undertow.builder()
            .addHttpListener(port, InetAddress.getLoopbackAddress().getHostAddress())
            .setServerOption(UndertowOptions.ENABLE_HTTP2, true)
            .setWorkerThreads(THREADS)
            .setHandler(
                new BlockingHandler(exchange -> shop.answer(new UndertowExchange(exchange))))
            .build();
    try {
      server.start();
    } catch (RuntimeException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    }
    SondeUndertow.observe(server, sonde);
    return new UndertowShop(server);
  }

  @Override
  public String name() {
    return "Undertow " + Version.getVersionString();
  }

  @Override
  public int port() {
    return ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort();
  }

  @Override
  public void close() {
    server.stop();
  }

  private record UndertowExchange(HttpServerExchange exchange) implements ShopExchange {
    @Override
    public String method() {
      return exchange.getRequestMethod().toString();
    }

    @Override
    public String path() {
      return exchange.getRequestPath();
    }

    @Override
    public @Nullable String query() {
      String query = exchange.getQueryString();
      return query.isEmpty() ? null : query;
    }

    @Override
    public InputStream body() {
      return exchange.getInputStream();
    }

    @Override
    public void route(String template) {
      SondeUndertow.route(exchange, template);
    }

    @Override
    public OutputStream respond(int status, String contentType, long length) {
      exchange.setStatusCode(status);
      exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, contentType);
      exchange.setResponseContentLength(length);
      return exchange.getOutputStream();
    }
  }
}
