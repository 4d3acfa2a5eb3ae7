// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.netty.ServedLoops;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.Http2Client;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.spi.VertxMetricsFactory;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class SondeVertxIT {
  private static final String GET = "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n";
  private static final String LAST = "Connection: close\r\n";

  private final RecordingOutlet ends = new RecordingOutlet();
  private final Vertx vertx =
      Vertx.builder().withMetrics(SondeVertx.metrics(ends::listener, true)).build();
  private final Router router = Router.router(vertx);

  @AfterEach
  void stop() {
    Object unused = get(vertx.close());
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void listener_hasTheNameOfVertx() throws IOException {
    router.route("/hello").handler(routing -> routing.end("hello"));
    int port = start(new HttpServerOptions());

    String answer = exchange(port, GET.formatted("/hello", LAST));

    assertThat(answer).endsWith("hello");
    assertThat(ends.scopes).hasSize(1);
    assertThat(ends.scopes.get(0).server())
        .isEqualTo("Vert.x " + System.getProperty("vertx.expected"));
  }

  @Test
  void switchedOffSonde_givesVertxMetricsThatWatchNothing() throws IOException {
    RecordingOutlet off = new RecordingOutlet();
    VertxMetricsFactory factory = SondeVertx.metrics(off::listener, false);
    // Without any Vert.x warns that its metrics are configured and not there.
    assertThat(factory.metrics(new VertxOptions())).isNotNull();
    Vertx unwatched = Vertx.builder().withMetrics(factory).build();
    HttpServer server =
        get(
            unwatched
                .createHttpServer()
                .requestHandler(request -> request.response().end("hello"))
                .listen(0, "127.0.0.1"));

    String answer = exchange(server.actualPort(), GET.formatted("/", LAST));

    assertThat(answer).endsWith("hello");
    Object unused = get(unwatched.close());
    assertThat(off.scopes).isEmpty();
    assertThat(ends.scopes).isEmpty();
  }

  @Test
  void connection_isWatchedOnceByTwoThatAskForIt() throws IOException {
    RecordingOutlet others = new RecordingOutlet();
    Vertx other = Vertx.builder().withMetrics(SondeVertx.metrics(others::listener, true)).build();
    router.route("/hello").handler(routing -> routing.end("hello"));
    int port = start(new HttpServerOptions());

    String unusedAnswer = exchange(port, GET.formatted("/hello", LAST));

    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
    assertThat(others.scopes).isEmpty();
    Object unused = get(other.close());
  }

  @Test
  void pipelinedRequest_getsItsOwnRouteThoughItBeginsInsideAnother() throws IOException {
    AtomicReference<@Nullable RoutingContext> held = new AtomicReference<>();
    router.route("/held").handler(held::set);
    router.route("/behind/:id").handler(routing -> routing.end("behind"));
    router
        .route("/frees")
        .handler(
            routing -> {
              RoutingContext other = held.get();
              if (other != null) {
                Future<Void> unused = other.end("held");
              }
              Future<Void> unused = routing.end("frees");
            });
    int port = start(new HttpServerOptions());

    try (Socket first = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(first, GET.formatted("/held", "") + GET.formatted("/behind/7", LAST));
      await().until(() -> held.get() != null);
      assertThat(exchange(port, GET.formatted("/frees", LAST))).endsWith("frees");
      assertThat(new String(first.getInputStream().readAllBytes(), ISO_8859_1))
          .contains("held")
          .endsWith("behind");
    }

    awaitClosed(2);
    assertThat(ends.routes).containsExactlyInAnyOrder("/held", "/behind/:id", "/frees");
    assertThat(ends.requests)
        .allSatisfy(request -> assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED));
  }

  @Test
  void file_countsItsBytesInHttp1AndHttp2(@TempDir Path dir) throws IOException {
    Path file = Files.write(dir.resolve("file"), new byte[200_000]);
    router.route("/file").handler(routing -> routing.response().sendFile(file.toString()));
    int port = start(new HttpServerOptions());

    assertThat(exchange(port, GET.formatted("/file", LAST))).hasSizeGreaterThan(200_000);
    try (Http2Client client = Http2Client.connect(port)) {
      assertThat(client.awaitEnd(client.get("/file"))).isEqualTo(200_000);
      await().until(() -> ends.requests.size() == 2);
    }

    awaitClosed(2);
    assertThat(ends.bodyBytes).containsExactly(200_000L, 200_000L);
    assertThat(ends.routes).containsExactly("/file", "/file");
  }

  @Test
  void cancelledStream_countsWhatWasSent() throws IOException {
    router
        .route("/endless")
        .handler(
            routing -> {
              Future<Void> unused = routing.response().write(Buffer.buffer(new byte[10_000]));
            });
    int port = start(new HttpServerOptions());

    try (Http2Client client = Http2Client.connect(port)) {
      int stream = client.get("/endless");
      client.awaitBytes(stream, 10_000);
      client.reset(stream, Http2Client.CANCEL);
      await().until(() -> ends.requests.size() == 1);
    }

    awaitClosed(1);
    assertThat(ends.bodyBytes).containsExactly(10_000L);
    assertThat(ends.requests.get(0).hasResponse()).isFalse();
  }

  @Test
  void closeByTheApplication_isToldThoughTheListenerGoesOn() throws IOException {
    router
        .route("/closes")
        .handler(
            routing ->
                routing.end("bye").onComplete(sent -> routing.request().connection().close()));
    int port = start(new HttpServerOptions());

    String answer = exchange(port, GET.formatted("/closes", ""));

    assertThat(answer).endsWith("bye");
    awaitClosed(1);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void closedVertx_isWatchedNoMore() {
    Vertx closed = Vertx.builder().withMetrics(SondeVertx.metrics(ends::listener, true)).build();
    boolean before = ServedLoops.isEmpty();

    Object unusedClosed = get(closed.close());
    Object unused = get(vertx.close());

    assertThat(before).isFalse();
    assertThat(ServedLoops.isEmpty()).isTrue();
  }

  private int start(HttpServerOptions options) {
    HttpServer server =
        get(vertx.createHttpServer(options).requestHandler(router).listen(0, "127.0.0.1"));
    return server.actualPort();
  }

  private static <T> T get(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
  }

  private static void send(Socket socket, String requests) throws IOException {
    socket.getOutputStream().write(requests.getBytes(ISO_8859_1));
  }

  /** Sends requests and reads until the server closes. */
  private static String exchange(int port, String requests) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      send(socket, requests);
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  private void awaitClosed(int connections) {
    await().until(() -> ends.connections.size() == connections);
  }
}
