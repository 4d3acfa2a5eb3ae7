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
import dev.sonde.testkit.net.RawHttpClient;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
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
