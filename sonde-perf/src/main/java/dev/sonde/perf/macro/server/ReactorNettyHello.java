// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.reactor.SondeReactorNetty;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;

/** On Reactor Netty. */
final class ReactorNettyHello implements HelloServer {
  private final DisposableServer server;

  private ReactorNettyHello(DisposableServer server) {
    this.server = server;
  }

  static ReactorNettyHello start(Hello hello, @Nullable Sonde sonde) {
    HttpServer server =
        HttpServer.create()
            .host(ADDRESS)
            .port(0)
            .handle(
                (request, response) -> {
                  byte[] body = hello.answer();
                  return response
                      .header(HttpHeaderNames.CONTENT_TYPE, Hello.TYPE)
                      .header(HttpHeaderNames.CONTENT_LENGTH, Integer.toString(body.length))
                      .sendObject(Mono.just(Unpooled.wrappedBuffer(body)));
                });
    return new ReactorNettyHello(
        (sonde == null ? server : SondeReactorNetty.observe(server, sonde)).bindNow());
  }

  @Override
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.disposeNow();
  }
}
