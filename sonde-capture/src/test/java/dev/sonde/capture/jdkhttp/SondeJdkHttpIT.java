// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.LifecycleOutlet;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.ConnectionTrace;
import dev.sonde.testkit.RecordingCollector;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class SondeJdkHttpIT {
  private static final Duration NEVER = Duration.ofHours(1);

  private final RecordingCollector events = new RecordingCollector();
  private HttpServer server;

  SondeJdkHttpIT() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void route_goesBeforeThePathOfTheContext() throws Exception {
    start(
        NEVER,
        exchange -> {
          SondeJdkHttp.route(exchange, "/users/{id}");
          answer(exchange, "hello");
        });

    assertThat(get().only(ResponseCompleted.class).route()).isEqualTo("/users/{id}");
  }

  @Test
  void answeredFailure_isAResponseOfItsStatus() throws Exception {
    start(
        NEVER,
        exchange -> {
          SondeJdkHttp.failed(exchange, new IllegalStateException("on purpose"));
          exchange.sendResponseHeaders(500, -1);
        });

    assertThat(get().shape()).isEqualTo("O S R500 C(complete)");
  }

  @Test
  void bodyThatIsTooShort_isAnErrorOfTheServer() throws Exception {
    start(
        NEVER,
        exchange -> {
          exchange.sendResponseHeaders(200, 10);
          exchange.getResponseBody().write(new byte[3]);
          exchange.close();
        });

    assertThat(get().shape()).isEqualTo("O S C(error)");
  }

  @Test
  void exchangeClosedWithoutAResponse_isAnErrorOfTheServer() throws Exception {
    start(NEVER, HttpExchange::close);

    assertThat(get().shape()).isEqualTo("O S C(error)");
  }

  @Test
  void bytesThatTheServerRefuses_areNoDisconnect() throws Exception {
    start(
        NEVER,
        exchange -> {
          exchange.sendResponseHeaders(200, 3);
          OutputStream body = exchange.getResponseBody();
          try {
            body.write(new byte[10]);
          } catch (IOException e) {
            body.write(new byte[3]);
          }
          exchange.close();
        });

    ConnectionTrace trace = get();

    assertThat(trace.shape()).isEqualTo("O S R200 C(complete)");
    assertThat(trace.only(ResponseCompleted.class).bytesSent()).isEqualTo(3);
  }

  @Test
  void streamsOfTheApplication_liePeacefullyOnOurs() throws Exception {
    start(
        NEVER,
        exchange -> {
          exchange.setStreams(null, new Doubling(exchange.getResponseBody()));
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('x');
          exchange.close();
        });

    assertThat(get().only(ResponseCompleted.class).bytesSent()).isEqualTo(2);
  }

  @Test
  void quietConnection_countsAsClosedAndIsKnownAgainByItsNextRequest() throws Exception {
    start(Duration.ofMillis(50), exchange -> answer(exchange, "hello"));
    try (RawHttpClient client = RawHttpClient.connect(server.getAddress().getPort())) {
      assertThat(client.get("/").status()).isEqualTo(200);
      awaitClosed(1);
      assertThat(client.get("/").status()).isEqualTo(200);
      awaitClosed(2);
    }

    assertThat(events.connections())
        .allSatisfy(trace -> assertThat(trace.shape()).isEqualTo("O S R200 C(complete)"));
  }

  @Test
  void observedTwice_isCountedOnce() throws Exception {
    LifecycleOutlet outlet = new LifecycleOutlet(events);
    server = observe(observe(server, outlet, NEVER), outlet, NEVER);
    server.createContext("/", exchange -> answer(exchange, "hello"));
    server.start();

    assertThat(get().shape()).isEqualTo("O S R200 C(complete)");
    assertThat(events.connections()).hasSize(1);
  }

  /** One thread serves everything, so that a handler has returned before the next is called. */
  @Test
  void requestsOfOneExchange_eachTellTheirOwn() throws Exception {
    RecordingOutlet ends = new RecordingOutlet(/* tellsEveryStart= */ false);
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    Semaphore returned = new Semaphore(0);
    IllegalStateException failure = new IllegalStateException("on purpose");
    server = SondeJdkHttp.observe(server, ends::listener, NEVER);
    server.setExecutor(
        task -> {
          task.run();
          returned.release();
        });
    server.createContext(
        "/plain",
        exchange -> {
          seen.add(TraceContext.current());
          answer(exchange, "hello");
        });
    server.createContext(
        "/failed",
        exchange -> {
          seen.add(TraceContext.current());
          SondeJdkHttp.failed(exchange, failure);
          exchange.sendResponseHeaders(500, -1);
        });
    server.createContext(
        "/posted",
        exchange -> {
          seen.add(TraceContext.current());
          answer(exchange, new String(exchange.getRequestBody().readAllBytes(), ISO_8859_1));
        });
    server.createContext(
        "/later",
        exchange -> {
          seen.add(TraceContext.current());
          returned.drainPermits();
          new Thread(
                  () -> {
                    returned.acquireUninterruptibly();
                    answerOrFail(exchange, "later");
                  })
              .start();
        });
    server.start();

    try (RawHttpClient client = RawHttpClient.connect(server.getAddress().getPort())) {
      for (String path : List.of("/plain", "/failed", "/later", "/plain")) {
        assertThat(client.get(path).status()).isEqualTo(path.equals("/failed") ? 500 : 200);
      }
      client.send(RawHttpClient.request("POST", "/posted", "Content-Length: 3") + "abc");
      assertThat(client.read().text()).isEqualTo("abc");
      assertThat(client.get("/plain").text()).isEqualTo("hello");
    }

    await().until(() -> ends.spans.size() == 6);
    assertThat(ends.requests.subList(0, 5)).allMatch(ends.requests.get(0)::equals);
    assertThat(ends.requests.get(5)).isNotSameAs(ends.requests.get(4));
    assertThat(ends.statuses).containsExactly(200, 500, 200, 200, 200, 200);
    assertThat(ends.routes)
        .containsExactly("/plain", "/failed", "/later", "/plain", "/posted", "/plain");
    assertThat(ends.bodyBytes).containsExactly(5L, 0L, 5L, 5L, 3L, 5L);
    assertThat(ends.bytesIn).containsExactly(0L, 0L, 0L, 0L, 3L, 0L);
    assertThat(ends.errors).containsExactly(null, failure, null, null, null, null);
    assertThat(ends.spans).isEqualTo(seen).doesNotContainNull().doesNotHaveDuplicates();
    assertThat(ends.scopes.get(0).firstFault()).isNull();
  }

  @Test
  void emptyWriteAfterTheEnd_isNoneOfTheNextRequest() throws Exception {
    RecordingOutlet ends = new RecordingOutlet(/* tellsEveryStart= */ false);
    BlockingQueue<OutputStream> kept = new LinkedBlockingQueue<>();
    List<Long> sent = new CopyOnWriteArrayList<>();
    server = SondeJdkHttp.observe(server, ends::listener, NEVER);
    server.createContext(
        "/first",
        exchange -> {
          kept.add(exchange.getResponseBody());
          answer(exchange, "hello");
        });
    server.createContext(
        "/second",
        exchange -> {
          exchange.sendResponseHeaders(200, 2);
          exchange.getResponseBody().write('h');
          kept.remove().write(new byte[1], 0, 0);
          sent.add(ends.requests.get(0).bytesOut());
          exchange.getResponseBody().write('i');
          exchange.close();
        });
    server.start();

    try (RawHttpClient client = RawHttpClient.connect(server.getAddress().getPort())) {
      assertThat(client.get("/first").text()).isEqualTo("hello");
      assertThat(client.get("/second").text()).isEqualTo("hi");
    }

    await().until(() -> ends.spans.size() == 2);
    assertThat(ends.requests.get(1)).isSameAs(ends.requests.get(0));
    assertThat(sent).containsExactly(1L);
  }

  private void start(Duration unseenAfter, HttpHandler handler) {
    server = observe(server, new LifecycleOutlet(events), unseenAfter);
    server.createContext("/", handler);
    server.start();
  }

  private static HttpServer observe(
      HttpServer server, LifecycleOutlet outlet, Duration unseenAfter) {
    return SondeJdkHttp.observe(
        server, (name, capabilities) -> new ListenerScope(name, capabilities, outlet), unseenAfter);
  }

  /** One request on a connection that ends with it. */
  private ConnectionTrace get() throws IOException {
    try (RawHttpClient client = RawHttpClient.connect(server.getAddress().getPort())) {
      client.send(RawHttpClient.request("GET", "/", "Connection: close"));
      String unused = new String(client.readToEnd(), ISO_8859_1);
    }
    awaitClosed(1);
    return events.connections().get(0);
  }

  private void awaitClosed(int connections) {
    await()
        .until(
            () ->
                events.events().stream().filter(ConnectionClosed.class::isInstance).count()
                    == connections);
  }

  private static void answer(HttpExchange exchange, String text) throws IOException {
    byte[] body = text.getBytes(ISO_8859_1);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private static void answerOrFail(HttpExchange exchange, String text) {
    try {
      answer(exchange, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes every byte twice. */
  private static final class Doubling extends FilterOutputStream {
    Doubling(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
      out.write(value);
    }
  }
}
