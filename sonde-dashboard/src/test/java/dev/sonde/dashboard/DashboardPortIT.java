// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.SondeConfig;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DashboardPortIT {
  private static final List<String> DOCUMENTS =
      List.of(
          "/metrics.json",
          "/routes.json",
          "/errors.json",
          "/requests.json",
          "/requests/1.json",
          "/connections.json",
          "/health.json",
          "/events");
  private static final List<String> FILES =
      List.of("/", "/app.js", "/app.css", "/icon.svg", "/vendor/preact.mjs");

  private final List<Socket> held = new ArrayList<>();
  private Dashboard dashboard;
  private int port;

  @BeforeEach
  void start() {
    dashboard = startOn(DashboardConfig.builder().port(0).build());
    port = dashboard.port();
  }

  @AfterEach
  void stop() throws IOException {
    dashboard.close();
    for (Socket socket : held) {
      socket.close();
    }
  }

  @Test
  void start_bindsLoopbackOnlyByDefault() throws IOException {
    InetAddress other = InetAddress.getLocalHost();

    assertThat(dashboard.url()).startsWith("http://127.0.0.1:" + port + "/#t=");
    if (!other.isLoopbackAddress()) {
      assertThatThrownBy(() -> new Socket(other, port).close()).isInstanceOf(IOException.class);
    }
  }

  @Test
  void start_takesNextPortWhenDefaultIsTaken() {
    try (Dashboard first = startOn(DashboardConfig.defaults());
        Dashboard second = startOn(DashboardConfig.defaults())) {
      assertThat(first.port()).isGreaterThanOrEqualTo(DashboardConfig.DEFAULT_PORT);
      assertThat(second.port()).isGreaterThan(first.port());
    }
  }

  @Test
  void start_failsClearlyWhenRequestedPortIsTaken() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      DashboardConfig config = DashboardConfig.builder().port(taken.getLocalPort()).build();

      assertThatThrownBy(() -> startOn(config))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("sonde.dashboard.port " + taken.getLocalPort())
          .hasMessageContaining("127.0.0.1");
    }
  }

  @Test
  void start_failsClearlyWhenDefaultPortWasAskedForAndIsTaken() {
    try (Dashboard first = startOn(DashboardConfig.defaults())) {
      assertThat(first.port()).isPositive();
      DashboardConfig config =
          DashboardConfig.of(SondeConfig.builder().dashboardPort(7077).build());

      assertThatThrownBy(() -> startOn(config))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("sonde.dashboard.port 7077 ");
    }
  }

  @Test
  void port_answersUnderAllowedHostAndNamesTheKeyOtherwise() throws IOException {
    dashboard.close();
    dashboard =
        startOn(
            DashboardConfig.of(
                SondeConfig.builder()
                    .dashboardPort(0)
                    .dashboardAllowedHosts(List.of("sonde.example"))
                    .build()));
    port = dashboard.port();

    assertThat(status("GET", "/", "Host: sonde.example")).isEqualTo(200);
    assertThat(RawClient.request(port, "GET", "/", "Host: other.example"))
        .startsWith("HTTP/1.1 421 ")
        .contains("sonde.dashboard.allowed.hosts");
  }

  @Test
  void close_freesPortAndThreadsAndMayBeRepeated() {
    dashboard.close();
    dashboard.close();

    assertThatThrownBy(() -> RawClient.connect(port).close()).isInstanceOf(IOException.class);
    await()
        .atMost(Duration.ofSeconds(5))
        .until(
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().startsWith("sonde-dashboard")));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("everyDocument")
  void document_needsBearerToken(String method, String path) throws IOException {
    assertThat(status(method, path, host())).isEqualTo(401);
    assertThat(status(method, path, host(), "Authorization: Bearer wrong")).isEqualTo(401);
    assertThat(status(method, path, host(), "Authorization: Basic " + dashboard.token()))
        .isEqualTo(401);
    assertThat(status(method, path, host(), bearer(), bearer())).isEqualTo(401);
    assertThat(status(method, path + "?token=" + dashboard.token(), host())).isEqualTo(401);
    assertThat(status(method, path + "?t=" + dashboard.token(), host())).isEqualTo(401);
    assertThat(status(method, path + "?token=" + dashboard.token(), host(), bearer()))
        .isEqualTo(401);
    assertThat(status(method, path, host(), "Cookie: token=" + dashboard.token())).isEqualTo(401);
    if (!path.equals("/events") || method.equals("HEAD")) {
      assertThat(status(method, path, host(), bearer())).isEqualTo(200);
    }
  }

  static Stream<Arguments> everyDocument() {
    return DOCUMENTS.stream()
        .flatMap(path -> Stream.of("GET", "HEAD").map(method -> Arguments.of(method, path)));
  }

  @ParameterizedTest
  @MethodSource("everyPath")
  void port_refusesForeignHosts(String path) throws IOException {
    for (String host :
        List.of(
            "evil.example",
            "evil.example:" + port,
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "192.168.1.10",
            "10.0.0.1:" + port,
            "[::2]",
            "127.0.0.1:abc",
            "127.0.0.1:",
            "0.0.0.0",
            "2130706433",
            "0x7f000001")) {
      assertThat(status("GET", path, "Host: " + host, bearer())).as(host).isIn(400, 421);
    }
    assertThat(status("GET", path, bearer())).as("no host").isEqualTo(400);
    assertThat(status("GET", path, host(), "Host: evil.example", bearer()))
        .as("two hosts")
        .isIn(400, 421);
    assertThat(status("GET", "http://evil.example" + path, host(), bearer()))
        .as("foreign absolute target")
        .isIn(400, 421);
    assertThat(RawClient.exchange(port, "GET " + path + " HTTP/1.0\r\n" + bearer() + "\r\n\r\n"))
        .as("HTTP/1.0 without host")
        .contains(" 421 ");
  }

  @Test
  void port_acceptsEveryNameOfLoopback() throws IOException {
    for (String host : List.of("127.0.0.1", "localhost", "LOCALHOST:9999", "[::1]:7077")) {
      assertThat(status("GET", "/", "Host: " + host)).as(host).isEqualTo(200);
      assertThat(status("GET", "/health.json", "Host: " + host, bearer())).as(host).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @MethodSource("everyPath")
  void port_refusesForeignOrigins(String path) throws IOException {
    for (String origin :
        List.of(
            "http://evil.example",
            "null",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            "http://127.0.0.1:" + port + ".evil.example",
            "file://",
            "")) {
      assertThat(status("GET", path, host(), "Origin: " + origin, bearer()))
          .as(origin)
          .isEqualTo(403);
    }
    assertThat(status("GET", path, host(), "Sec-Fetch-Site: cross-site", bearer())).isEqualTo(403);
    assertThat(
            status(
                "GET", path, host(), "Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors", bearer()))
        .isEqualTo(403);
    assertThat(status("HEAD", path, host(), "Origin: http://127.0.0.1:" + port, bearer()))
        .isEqualTo(200);
  }

  @ParameterizedTest
  @MethodSource("everyPath")
  void port_refusesEveryOtherMethod(String path) throws IOException {
    for (String method :
        List.of("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X")) {
      String response = RawClient.request(port, method, path, host(), bearer());

      assertThat(RawClient.status(response)).as(method).isEqualTo(405);
      assertThat(response).contains("Allow: GET, HEAD");
    }
    assertThat(RawClient.status(RawClient.request(port, "CONNECT", "127.0.0.1:80", host())))
        .isIn(400, 405, 421);
  }

  @ParameterizedTest
  @MethodSource("everyPath")
  void port_refusesBodies(String path) throws IOException {
    assertThat(
            RawClient.exchange(
                port,
                "GET " + path + " HTTP/1.1\r\n" + host() + "\r\nContent-Length: 5\r\n\r\nhello"))
        .startsWith("HTTP/1.1 413 ");
    assertThat(
            RawClient.exchange(
                port,
                "GET "
                    + path
                    + " HTTP/1.1\r\n"
                    + host()
                    + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
        .startsWith("HTTP/1.1 413 ");
  }

  @ParameterizedTest
  @MethodSource("smuggledBytes")
  void port_answersSmuggledRequestsWithOneRefusal(String bytes) throws IOException {
    String response = RawClient.exchange(port, bytes);

    assertThat(response.split("HTTP/1.1 ", -1)).hasSizeLessThanOrEqualTo(2);
    assertThat(RawClient.status(response)).isIn(-1, 400, 413, 426, 501, 505);
    assertThat(response).doesNotContain("<").doesNotContain("Jetty").doesNotContain("Server:");
  }

  static Stream<String> smuggledBytes() {
    String head = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    String second = "GET /health.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    return Stream.of(
        head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + second,
        head + "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + second,
        head + "Transfer-Encoding: xchunked\r\n\r\n",
        head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        head + "X: a\rHost: evil\r\n\r\n",
        "GET / HTTP/1.1\nHost: localhost\n X: folded\n\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }

  @Test
  void port_refusesHeadsAboveEightKibibytes() throws IOException {
    String long7 = "X-Filler: " + "x".repeat(7 * 1024);
    String long9 = "X-Filler: " + "x".repeat(9 * 1024);

    assertThat(status("GET", "/", host(), long7)).isEqualTo(200);
    assertThat(status("GET", "/", host(), long9)).isEqualTo(431);
    assertThat(status("GET", "/" + "a".repeat(9 * 1024), host())).isEqualTo(414);
  }

  @ParameterizedTest
  @MethodSource("everyPath")
  void port_sendsEveryProtectiveHeader(String path) throws IOException {
    for (String response :
        List.of(
            RawClient.request(port, "HEAD", path, host(), bearer()),
            RawClient.request(port, "GET", path, host(), "Origin: http://evil.example"),
            RawClient.request(port, "POST", path, host()),
            RawClient.request(port, "GET", "/nothing" + path, host()))) {
      assertThat(response)
          .contains(
              "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';"
                  + " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
                  + " frame-ancestors 'none'; require-trusted-types-for 'script'\r\n")
          .contains("X-Content-Type-Options: nosniff\r\n")
          .contains("Referrer-Policy: no-referrer\r\n")
          .contains("Cross-Origin-Resource-Policy: same-origin\r\n")
          .contains("Cross-Origin-Opener-Policy: same-origin\r\n")
          .contains("Cache-Control: no-store\r\n")
          .doesNotContain("Access-Control-")
          .doesNotContain("Set-Cookie")
          .doesNotContain("Server:");
    }
  }

  static Stream<String> everyPath() {
    return Stream.concat(FILES.stream(), DOCUMENTS.stream());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../app.js",
        "/vendor/../app.js",
        "/vendor/../../DashboardServer.class",
        "/%2e%2e/app.js",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/..%2fapp.js",
        "/%252e%252e/app.js",
        "/..%5capp.js",
        "/..\\app.js",
        "/vendor/..;/app.js",
        "/;/app.js",
        "/app.js;x",
        "/app.js/",
        "//app.js",
        "/./app.js",
        "/app%2ejs",
        "/%c0%ae%c0%ae/app.js",
        "/%c0%ae%c0%ae%c0%afetc/passwd",
        "/app.js%00",
        "/app.js%00.css",
        "/%00",
        "/file:///etc/passwd",
        "/web/app.js",
        "/dev/sonde/dashboard/web/app.js",
        "/META-INF/MANIFEST.MF",
        "/APP.JS",
        "/vendor/",
        "/vendor",
        "/vendor/VERSIONS.md",
        "/requests/../health.json",
        "/requests/-1.json",
        "/requests/1.json/",
        "/requests/01a.json",
        "/requests/.json",
        "/requests/9999999999999999999.json",
        "/requests/%31.json",
      })
  void port_servesOnlyPathsOfItsTable(String target) throws IOException {
    assertThat(status("GET", target, host(), bearer())).isIn(400, 404);
  }

  @Test
  void port_keepsAnsweringRightTokenUnderFloodOfWrongOnes() throws IOException {
    int unauthorised = 0;
    int limited = 0;
    try (Socket socket = RawClient.connect(port)) {
      for (int i = 0; i < 200; i++) {
        RawClient.send(
            socket,
            "GET /health.json HTTP/1.1\r\n"
                + host()
                + "\r\nAuthorization: Bearer w"
                + i
                + "\r\n\r\n");
        int status = RawClient.status(RawClient.readUntil(socket, "\r\n\r\n4"));
        unauthorised += status == 401 ? 1 : 0;
        limited += status == 429 ? 1 : 0;
      }
    }

    assertThat(unauthorised).isBetween(10, 100);
    assertThat(unauthorised + limited).isEqualTo(200);
    assertThat(dashboard.failures().total()).isEqualTo(200);
    assertThat(dashboard.failures().limited()).isEqualTo(limited);
    assertThat(status("GET", "/health.json", host(), bearer())).isEqualTo(200);
  }

  @Test
  void port_answersWhileTenRequestsAreHalfOpen() throws IOException {
    for (int i = 0; i < 10; i++) {
      hold("GET / HTTP/1.1\r\nHost: localhost\r\nX-");
    }

    assertThat(pageMillis()).isLessThan(1000);
    awaitAllClosed(Duration.ofSeconds(8));
    assertThat(dashboard.guard().expired()).isEqualTo(10);
  }

  @Test
  void port_answersDuringSlowlorisOfFiveHundredSockets() throws IOException {
    for (int i = 0; i < 500; i++) {
      hold("GET / HTTP/1.1\r\nHost: localhost\r\nX-");
      if (i % 50 == 49) {
        assertThat(pageMillis()).isLessThan(1000);
        dribble();
      }
    }

    for (int i = 0; i < 20; i++) {
      assertThat(pageMillis()).isLessThan(1000);
    }
    assertThat(dashboard.guard().open()).isLessThanOrEqualTo(ConnectionGuard.MAX_CONNECTIONS);
    assertThat(dashboard.guard().evicted()).isGreaterThanOrEqualTo(400);
    await()
        .pollInterval(Duration.ofMillis(500))
        .atMost(Duration.ofSeconds(12))
        .until(
            () -> {
              dribble();
              return dashboard.guard().open() == 0;
            });
  }

  @Test
  void port_answersWhileSixtyFourReadersDoNotReadTheirFiles() throws IOException {
    holdFilesUnread();

    assertThat(status("GET", "/health.json", host(), bearer())).isEqualTo(200);
    assertThat(status("GET", "/", host())).isEqualTo(200);
    assertThat(dashboard.guard().evicted()).isPositive();
    assertThat(dashboard.guard().refused()).isZero();
  }

  @Test
  void port_closesReadersWhoseAnswerTakesTenSeconds() throws IOException {
    AtomicLong nanos = new AtomicLong();
    dashboard.close();
    dashboard =
        Dashboard.start(DashboardConfig.builder().port(0).build(), new CannedViews(10), nanos::get);
    port = dashboard.port();
    holdFilesUnread();
    Socket stream = hold(eventsRequest());
    RawClient.readUntil(stream, "event: tick");

    nanos.addAndGet(9_999_999_999L);
    dashboard.guard().sweep();
    assertThat(dashboard.guard().expired()).isZero();
    nanos.incrementAndGet();

    await().atMost(Duration.ofSeconds(10)).until(() -> dashboard.guard().answering() == 1);
    assertThat(dashboard.guard().expired()).isGreaterThanOrEqualTo(60);
    assertThat(dashboard.live().readers()).isEqualTo(1);
    RawClient.readUntil(stream, "event: tick");
  }

  /** Asks for files without a token on every connection there is and reads none of them. */
  private void holdFilesUnread() throws IOException {
    String many = ("GET /vendor/preact.mjs HTTP/1.1\r\n" + host() + "\r\n\r\n").repeat(1_000);
    for (int i = 0; i < ConnectionGuard.MAX_CONNECTIONS; i++) {
      Socket socket = new Socket();
      socket.setReceiveBufferSize(1024);
      held.add(socket);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      RawClient.send(socket, many);
    }
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> dashboard.guard().answering() == ConnectionGuard.MAX_CONNECTIONS);
  }

  @Test
  void beat_goesOnAfterAnErrorAndIsCounted() {
    AtomicInteger beats = new AtomicInteger();
    dashboard.repeat(
        () -> {
          beats.incrementAndGet();
          throw new LinkageError("planted");
        },
        1);

    await().atMost(Duration.ofSeconds(10)).until(() -> beats.get() >= 3);
    assertThat(Dashboard.figures(dashboard).get("failed_beats")).isGreaterThanOrEqualTo(2);
  }

  @Test
  void port_closesSilentConnectionsAfterFiveSeconds() throws IOException {
    hold("");

    awaitAllClosed(Duration.ofSeconds(8));
  }

  @Test
  void port_keepsIdleConnectionBetweenRequests() throws IOException {
    try (Socket socket = RawClient.connect(port)) {
      String request = "GET /health.json HTTP/1.1\r\n" + host() + "\r\n" + bearer() + "\r\n\r\n";
      RawClient.send(socket, request);
      RawClient.readUntil(socket, "}");
      long began = System.nanoTime();
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> System.nanoTime() - began > Duration.ofSeconds(6).toNanos());

      RawClient.send(socket, request);

      assertThat(RawClient.status(RawClient.readUntil(socket, "}"))).isEqualTo(200);
    }
  }

  @Test
  void stream_refusesSeventeenthReader() throws IOException {
    for (int i = 0; i < LiveStream.MAX_READERS; i++) {
      RawClient.readUntil(hold(eventsRequest()), "event: tick");
    }

    String response = RawClient.request(port, "GET", "/events", host(), bearer());

    assertThat(RawClient.status(response)).isEqualTo(503);
    assertThat(status("GET", "/health.json", host(), bearer())).isEqualTo(200);
  }

  @Test
  void stream_givesPlaceBackWhenReaderLeaves() throws IOException {
    for (int i = 0; i < LiveStream.MAX_READERS; i++) {
      RawClient.readUntil(hold(eventsRequest()), "event: tick");
    }
    for (Socket socket : held) {
      socket.setSoLinger(true, 0);
      socket.close();
    }

    await().atMost(Duration.ofSeconds(10)).until(() -> dashboard.live().readers() == 0);
    RawClient.readUntil(hold(eventsRequest()), "event: tick");
  }

  @Test
  void stream_disconnectsReadersThatNeverRead() throws IOException {
    dashboard.close();
    dashboard =
        Dashboard.start(
            DashboardConfig.builder().port(0).build(),
            new CannedViews(200_000),
            MonotonicClock.system());
    port = dashboard.port();
    for (int i = 0; i < 200; i++) {
      Socket socket = new Socket();
      socket.setReceiveBufferSize(1024);
      held.add(socket);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      RawClient.send(socket, eventsRequest());
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> dashboard.live().readers() > 0);
    int threads = Thread.activeCount();

    assertThat(dashboard.live().readers()).isLessThanOrEqualTo(LiveStream.MAX_READERS);
    assertThat(pageMillis()).isLessThan(1000);
    await().atMost(Duration.ofSeconds(40)).until(() -> dashboard.live().readers() == 0);
    assertThat(dashboard.live().kicked()).isGreaterThanOrEqualTo(LiveStream.MAX_READERS);
    assertThat(dashboard.live().framesSkipped()).isPositive();
    assertThat(Thread.activeCount()).isLessThanOrEqualTo(threads + 2);
  }

  private static Dashboard startOn(DashboardConfig config) {
    return Dashboard.start(config, new CannedViews(10), MonotonicClock.system());
  }

  private String bearer() {
    return "Authorization: Bearer " + dashboard.token();
  }

  private String host() {
    return "Host: 127.0.0.1:" + port;
  }

  private String eventsRequest() {
    return "GET /events HTTP/1.1\r\n" + host() + "\r\n" + bearer() + "\r\n\r\n";
  }

  private int status(String method, String target, String... headers) throws IOException {
    return RawClient.status(RawClient.request(port, method, target, headers));
  }

  private Socket hold(String head) throws IOException {
    Socket socket = RawClient.connect(port);
    held.add(socket);
    RawClient.send(socket, head);
    return socket;
  }

  private void dribble() {
    for (Socket socket : held) {
      try {
        RawClient.send(socket, "x");
      } catch (IOException e) {
        assertThat(e).hasMessageMatching("(?i).*(reset|broken pipe|abort).*");
      }
    }
  }

  private long pageMillis() throws IOException {
    long began = System.nanoTime();
    assertThat(status("GET", "/", host())).isEqualTo(200);
    assertThat(status("GET", "/health.json", host(), bearer())).isEqualTo(200);
    return (System.nanoTime() - began) / 1_000_000;
  }

  private void awaitAllClosed(Duration limit) {
    await().atMost(limit).until(() -> held.stream().allMatch(RawClient::isClosedByServer));
  }
}
