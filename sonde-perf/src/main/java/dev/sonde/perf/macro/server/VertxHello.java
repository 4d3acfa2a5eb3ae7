// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.vertx.SondeVertx;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServer;
import org.jspecify.annotations.Nullable;

/** On Vert.x. */
final class VertxHello implements HelloServer {
  private final Vertx vertx;
  private final HttpServer server;

  private VertxHello(Vertx vertx, HttpServer server) {
    this.vertx = vertx;
    this.server = server;
  }

  static VertxHello start(Hello hello, @Nullable Sonde sonde) {
    VertxBuilder builder = Vertx.builder();
    if (sonde != null) {
      builder = builder.withMetrics(SondeVertx.metrics(sonde));
    }
    Vertx vertx = builder.build();
    HttpServer server =
        vertx
            .createHttpServer()
            .requestHandler(
                request -> {
                  Future<Void> unused =
                      request
                          .response()
                          .putHeader(HttpHeaders.CONTENT_TYPE, Hello.TYPE)
                          .end(Buffer.buffer(hello.answer()));
                });
    return new VertxHello(vertx, await(server.listen(0, ADDRESS)));
  }

  private static <T> T await(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().join();
  }

  @Override
  public int port() {
    return server.actualPort();
  }

  @Override
  public void close() {
    Void unused = await(vertx.close());
  }
}
