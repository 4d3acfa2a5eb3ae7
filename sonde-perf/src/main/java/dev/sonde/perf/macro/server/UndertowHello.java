// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.undertow.SondeUndertow;
import io.undertow.Undertow;
import io.undertow.server.HttpHandler;
import io.undertow.util.Headers;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** On Undertow. */
final class UndertowHello implements HelloServer {
  private final Undertow server;

  private UndertowHello(HttpHandler handler) {
    server = Undertow.builder().addHttpListener(0, ADDRESS).setHandler(handler).build();
    server.start();
  }

  static UndertowHello start(Hello hello, @Nullable Sonde sonde) {
    // Asked when the first logger is made; else its start is told on the console.
    System.setProperty("org.jboss.logging.provider", "slf4j");
    UndertowHello started =
        new UndertowHello(
            exchange -> {
              exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, Hello.TYPE);
              exchange.getResponseSender().send(ByteBuffer.wrap(hello.answer()));
            });
    if (sonde != null) {
      SondeUndertow.observe(started.server, sonde);
    }
    return started;
  }

  @Override
  public int port() {
    return ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort();
  }

  @Override
  public void close() {
    server.stop();
  }
}
