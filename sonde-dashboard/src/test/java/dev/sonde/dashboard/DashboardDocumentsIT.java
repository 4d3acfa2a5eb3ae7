// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.filter.FilteringParserDelegate;
import com.fasterxml.jackson.core.filter.JsonPointerBasedFilter;
import com.fasterxml.jackson.core.filter.TokenFilter.Inclusion;
import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.dashboard.view.Documents;
import dev.sonde.dashboard.view.Sources;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class DashboardDocumentsIT {
  private final HttpClient client = HttpClient.newHttpClient();
  private Sonde sonde;
  private Dashboard dashboard;

  @BeforeEach
  void start() {
    sonde = Sonde.start(SondeConfig.builder().keepsErrorMessages(true).build());
    dashboard = Dashboard.start(sonde, DashboardConfig.builder().port(0).build());
  }

  @AfterEach
  void stop() {
    dashboard.close();
    sonde.close();
  }

  @Test
  void documents_countEveryRequestOnce() throws IOException, InterruptedException {
    new Traffic(sonde).shop(40);
    long requests = 40 * 6 + 2 * 2 + 1;
    await().atMost(Duration.ofSeconds(10)).until(() -> sonde.recent().newest().size() == requests);

    String metrics = get("/metrics.json?window=900");
    assertThat(at(metrics, "/total/count")).isEqualTo("" + requests);
    assertThat(at(metrics, "/total/errors")).isEqualTo("2");
    assertThat(at(metrics, "/total/codes/500")).isEqualTo("2");
    assertThat(at(metrics, "/total/outcomes/client_abort_during_body")).isEqualTo("2");
    assertThat(at(metrics, "/window_s")).isEqualTo("900");
    assertThat(Double.parseDouble(at(metrics, "/total/max_us"))).isEqualTo(412_000);
    String routes = get("/routes.json");
    assertThat(routes).contains("\"route\":\"/products/{id}\"").contains("\"split\":{\"samples\":");
    assertThat(at(routes, "/routes/0/share")).isNotEqualTo("0");
    String errors = get("/errors.json");
    assertThat(errors).contains("card declined").contains("client_abort");
    String list = get("/requests.json");
    String id = at(list, "/newest/0/request_id");
    assertThat(at(list, "/newest/0/path")).isEqualTo("/orders");
    String one = get("/requests/" + id + ".json");
    assertThat(at(one, "/dur_us")).isEqualTo("412000");
    assertThat(one.split("\"kind\":\"DB\"", -1)).hasSize(49);
    assertThat(at(get("/connections.json"), "/open")).isEqualTo("0");
    String health = get("/health.json");
    assertThat(at(health, "/laws/0/holds")).isEqualTo("true");
    assertThat(at(health, "/laws/1/holds")).isEqualTo("true");
    assertThat(at(health, "/dropped")).isEqualTo("0");
  }

  @Test
  void documents_tellStreamsFromRequestsAndSlowClientsFromTheApplication()
      throws IOException, InterruptedException {
    ListenerScope listener = sonde.listener("test", EnumSet.of(Capability.BLOCKED_WRITES));
    long start = System.nanoTime() - TimeUnit.SECONDS.toNanos(60);
    long second = TimeUnit.SECONDS.toNanos(1);
    ConnectionState slow = listener.opened(-1, null, null, Protocol.H1, false, start);
    Exchange report = slow.begin(-1, 0, "GET", "/report", "HTTP/1.1", start);
    slow.writeBlocked(start + second);
    slow.writeResumed(start + 11 * second);
    report.completed(200, 5, start + 11 * second);
    ConnectionState watching = listener.opened(-1, null, null, Protocol.H1, false, start);
    Exchange ticks = watching.begin(-1, 0, "GET", "/ticks", "HTTP/1.1", start);
    ticks.contentType("text/event-stream");
    ticks.committed(200, start + second);

    assertThat(at(get("/metrics.json"), "/open_streams/sse")).isEqualTo("1");
    ticks.aborted(AbortKind.CLIENT_RESET, null, 10, start + 30 * second);
    dashboard.close();
    dashboard = Dashboard.start(sonde, DashboardConfig.builder().port(0).build());

    String routes = get("/routes.json");
    assertThat(at(routes, "/open_streams/sse")).isEqualTo("0");
    assertThat(at(get("/metrics.json"), "/total/count")).isEqualTo("1");
    assertThat(Double.parseDouble(at(routes, "/routes/0/p99_us"))).isEqualTo(11e6);
    assertThat(Double.parseDouble(at(routes, "/routes/0/app_p99_us"))).isBetween(0.99e6, 1.01e6);
    assertThat(at(routes, "/streams/0/kind")).isEqualTo("sse");
    assertThat(at(routes, "/streams/0/disconnected")).isEqualTo("1");
    assertThat(Double.parseDouble(at(routes, "/streams/0/lifetime/max_us"))).isEqualTo(30e6);
    assertThat(Double.parseDouble(at(routes, "/streams/0/ttfb/max_us"))).isEqualTo(1e6);
    String list = get("/requests.json");
    assertThat(list).contains("\"blocked_us\":10000000").contains("\"stream\":\"sse\"");
  }

  @Test
  void stream_sendsTicksAndThenEachNewRequest() throws IOException {
    try (Socket socket = RawClient.connect(dashboard.port())) {
      RawClient.send(
          socket,
          "GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
              + dashboard.token()
              + "\r\n\r\n");
      RawClient.readUntil(socket, "event: tick");
      // The second tick means that the stream has noted what was there before it.
      RawClient.readUntil(socket, "event: tick");

      new Traffic(sonde).request("GET", "/late", "/late/7", 200, Outcome.COMPLETED, 1_500, null, 0);

      assertThat(RawClient.readUntil(socket, "/late/7")).contains("event: requests");
    }
  }

  @Test
  void documents_areMadeFourTimesASecondAtMost() {
    AtomicLong nanos = new AtomicLong();
    AtomicInteger made = new AtomicInteger();
    Documents documents =
        new Documents(
            new Sources(
                window -> {
                  made.incrementAndGet();
                  return sonde.stats(window);
                },
                sonde::errors,
                sonde::recent,
                sonde::recentNews,
                sonde::request,
                sonde::health,
                sonde::anchor),
            nanos::get,
            Map::of);

    for (int i = 0; i < 1_000; i++) {
      documents.document("/routes.json", 300);
    }
    assertThat(made).hasValue(1);
    nanos.addAndGet(249_000_000);
    documents.document("/routes.json", 300);
    assertThat(made).hasValue(1);
    nanos.addAndGet(1_000_000);
    documents.document("/routes.json", 300);
    assertThat(made).hasValue(2);
  }

  @Test
  void documents_answerUnknownQuestionsWithTheDefaultOrNothing() {
    Documents documents =
        new Documents(
            new Sources(
                sonde::stats,
                sonde::errors,
                sonde::recent,
                sonde::recentNews,
                sonde::request,
                sonde::health,
                sonde::anchor),
            System::nanoTime,
            Map::of);

    assertThat(documents.document("/metrics.json", 7)).asString().contains("\"window_s\":300");
    assertThat(documents.document("/nothing.json", 60)).isNull();
    assertThat(documents.request(987_654_321)).isNull();
  }

  private String get(String path) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(dashboard.address()).resolve(path))
            .header("Authorization", "Bearer " + dashboard.token())
            .timeout(Duration.ofSeconds(20))
            .build();
    HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
    assertThat(response.statusCode()).as(path).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type"))
        .hasValue("application/json; charset=utf-8");
    return response.body();
  }

  /** The value at a JSON pointer, as text. */
  private static String at(String json, String pointer) throws IOException {
    try (JsonParser parser =
        new FilteringParserDelegate(
            new JsonFactory().createParser(json),
            new JsonPointerBasedFilter(JsonPointer.compile(pointer)),
            Inclusion.ONLY_INCLUDE_ALL,
            false)) {
      JsonToken token = parser.nextToken();
      assertThat(token).as(pointer).isNotNull();
      return parser.getText();
    }
  }
}
