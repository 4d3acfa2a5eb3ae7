// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Capability;
import dev.sonde.collect.NoopCollector;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RecordingCollector;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.Http2Client;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.testkit.net.RawResponse;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.WebServerConfig;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class SondeHelidonIT {
  /** Kept, so that what is set on it lasts: Helidon logs every failure of a handler. */
  private static final Logger HELIDON = Logger.getLogger("io.helidon");

  /** A WINDOW_UPDATE of the whole connection by 2^31 - 1, which no window can take. */
  private static final byte[] GRANT_OF_TOO_MUCH = {0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, -1, -1, -1};

  private static final int FLOW_CONTROL_ERROR = 3;

  private final RecordingOutlet outlet = new RecordingOutlet();
  private @Nullable WebServer server;

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop();
    }
  }

  @Test
  void observe_changesNothingWhenSondeIsSwitchedOff() {
    WebServerConfig.Builder builder = builder(routing -> {});

    WebServerConfig.Builder observed =
        SondeHelidon.observe(builder, new ObservedListeners(NoopCollector.INSTANCE));

    assertThat(observed).isSameAs(builder);
    assertThat(observed.connectionSelectors()).isEmpty();
  }

  @Test
  void queueOfWrites_hidesWhenTheSocketTakesThem() {
    Capability[] hidden = {Capability.WIRE_BYTES, Capability.BLOCKED_WRITES};
    WebServerConfig.Builder builder =
        builder(routing -> {})
            .writeQueueLength(2)
            .putSocket(
                "direct",
                ListenerConfig.builder()
                    .name("direct")
                    .writeQueueLength(1)
                    .smartAsyncWrites(true)
                    .build());

    WebServerConfig.Builder unused = SondeHelidon.observe(builder, outlet::listener);

    assertThat(outlet.scopes.get(0).capabilities()).doesNotContain(hidden);
    assertThat(outlet.scopes.get(1).capabilities()).contains(hidden);
  }

  @Test
  void firstBytesOfNoProtocol_areAMalformedHeadThoughHelidonDoesNotAnswerThem() throws Exception {
    RecordingCollector events = new RecordingCollector();
    server =
        SondeHelidon.observe(builder(routing -> {}), new ObservedListeners(events)).build().start();

    try (RawHttpClient client = RawHttpClient.connect(server.port())) {
      client.send("THIS IS NOT HTTP AND NOT ITS SECOND VERSION\r\n\r\n");
      assertThat(client.readToEnd()).isEmpty();

      await()
          .untilAsserted(
              () ->
                  assertThat(events.connections())
                      .singleElement()
                      .satisfies(trace -> assertThat(trace.shape()).isEqualTo("O S* C(error)")));
    }
  }

  @Test
  void goAwayWithAnError_isWhyTheConnectionEndedThoughHelidonGoesOn() throws Exception {
    RecordingCollector events = new RecordingCollector();
    server =
        SondeHelidon.observe(
                builder(routing -> routing.get("/", (request, response) -> response.send("hello"))),
                new ObservedListeners(events))
            .build()
            .start();

    try (Http2Client client = Http2Client.connect(server.port())) {
      client.garbage(GRANT_OF_TOO_MUCH);
      assertThat(client.awaitEnd(client.get("/"))).isEqualTo(5);
      assertThat(client.goAwayError()).isEqualTo(FLOW_CONTROL_ERROR);
    }

    await()
        .untilAsserted(
            () ->
                assertThat(events.connections())
                    .singleElement()
                    .satisfies(trace -> assertThat(trace.shape()).isEqualTo("O S R200 C(error)"))
                    .extracting(trace -> trace.only(ConnectionClosed.class).detail())
                    .isEqualTo("protocol_error"));
  }

  @Test
  void clientThatLeavesWhileStreamsWrite_isToldOnce() throws Exception {
    CountDownLatch ended = new CountDownLatch(2);
    start(routing -> routing.get("/endless/{id}", (request, response) -> endless(response, ended)));

    try (Http2Client client = Http2Client.connect(port())) {
      int first = client.get("/endless/1");
      int second = client.get("/endless/2");
      client.awaitBytes(first, 100_000);
      client.awaitBytes(second, 100_000);
    }

    await().until(() -> ended.getCount() == 0 && outlet.connections.size() == 1);
    stop();
    assertThat(outlet.requests).hasSize(2);
    assertThat(outlet.scopes)
        .singleElement()
        .satisfies(scope -> assertThat(scope.lateCalls()).isZero())
        .satisfies(scope -> assertThat(scope.faults()).isZero());
  }

  @Test
  void thrown_isKnownWhenHelidonAnswersForIt() throws Exception {
    IllegalStateException failure = new IllegalStateException("on purpose");
    start(
        routing ->
            routing.get(
                "/",
                (request, response) -> {
                  throw failure;
                }));

    assertThat(get("/").status()).isEqualTo(500);

    assertThat(outlet.errors).containsExactly(failure);
  }

  @Test
  void thrownAfterTheHead_isKnownThoughTheResponseIsCut() throws Exception {
    IllegalStateException failure = new IllegalStateException("on purpose");
    start(
        routing ->
            routing.get(
                "/",
                (request, response) -> {
                  var body = response.outputStream();
                  body.write(new byte[100_000]);
                  body.flush();
                  throw failure;
                }));

    try (RawHttpClient client = RawHttpClient.connect(port())) {
      client.send(RawHttpClient.request("GET", "/"));
      assertThat(client.readHead().status()).isEqualTo(200);
      assertThat(client.readToEnd()).isNotEmpty();
    }

    await().until(() -> outlet.requests.size() == 1);

    assertThat(outlet.errors).containsExactly(failure);
  }

  @Test
  void thrown_isKnownWhenTheApplicationAnswersAndSaysSo() throws Exception {
    IllegalStateException failure = new IllegalStateException("on purpose");
    start(
        routing ->
            routing
                .error(
                    IllegalStateException.class,
                    (request, response, thrown) -> {
                      SondeHelidon.failed(thrown);
                      response.status(503).send("later");
                    })
                .get(
                    "/",
                    (request, response) -> {
                      throw failure;
                    }));

    assertThat(get("/").text()).isEqualTo("later");

    assertThat(outlet.errors).containsExactly(failure);
  }

  @Test
  void route_goesBeforeThePatternOfHelidon() throws Exception {
    start(
        routing ->
            routing.get(
                "/users/{id}",
                (request, response) -> {
                  SondeHelidon.route("/users/{name}");
                  response.send("hello");
                }));

    assertThat(get("/users/1").text()).isEqualTo("hello");

    assertThat(outlet.routes).containsExactly("/users/{name}");
    assertThat(outlet.bodyBytes).containsExactly(5L);
  }

  @Test
  void namedSocket_isAListenerOfItsOwn() throws Exception {
    WebServerConfig.Builder builder =
        builder(routing -> {})
            .putSocket(
                "admin",
                ListenerConfig.builder()
                    .name("admin")
                    .host("127.0.0.1")
                    .routing(
                        routing -> routing.get("/", (request, response) -> response.send("admin")))
                    .build());
    server = SondeHelidon.observe(builder, outlet::listener).build().start();

    assertThat(get(server.port("admin"), "/").text()).isEqualTo("admin");

    assertThat(outlet.scopes).hasSize(2);
    assertThat(outlet.routes).containsExactly("/");
  }

  @Test
  void requestOfHttp2_hasItsRouteThoughTheCloseCutsIt() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    start(
        routing ->
            routing.get(
                "/events/{id}",
                (request, response) -> {
                  try (OutputStream body = response.outputStream()) {
                    body.write("data: hello\n\n".getBytes(US_ASCII));
                    body.flush();
                    closed.await();
                  }
                }));

    try (Http2Client client = Http2Client.connect(port())) {
      client.awaitBytes(client.get("/events/1"), 5);
    }

    try {
      await().until(() -> outlet.connections.size() == 1);
    } finally {
      closed.countDown();
    }
    assertThat(outlet.routes).containsExactly("/events/{id}");
  }

  /** Writes until it fails, which is when the client has left. */
  private static void endless(ServerResponse response, CountDownLatch ended) throws IOException {
    try (OutputStream body = response.outputStream()) {
      while (true) {
        body.write(new byte[10_000]);
        body.flush();
      }
    } finally {
      ended.countDown();
    }
  }

  private void start(Consumer<HttpRouting.Builder> routing) {
    server = SondeHelidon.observe(builder(routing), outlet::listener).build().start();
  }

  private static WebServerConfig.Builder builder(Consumer<HttpRouting.Builder> routing) {
    HELIDON.setLevel(Level.OFF);
    return WebServer.builder().shutdownHook(false).host("127.0.0.1").port(0).routing(routing);
  }

  private RawResponse get(String path) throws IOException {
    return get(port(), path);
  }

  /** Returns the response to a request that was seen to end. */
  private RawResponse get(int port, String path) throws IOException {
    try (RawHttpClient client = RawHttpClient.connect(port)) {
      RawResponse response = client.get(path);
      await().until(() -> outlet.requests.size() == 1);
      return response;
    }
  }

  private int port() {
    return Objects.requireNonNull(server).port();
  }
}
