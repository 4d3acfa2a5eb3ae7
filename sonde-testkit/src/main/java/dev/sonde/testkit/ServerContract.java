// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.net.Http2Client;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.testkit.net.RawResponse;
import dev.sonde.testkit.net.TlsMaterial;
import dev.sonde.testkit.net.WebSocketClient;
import java.io.IOException;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What every server with its adapter must do; a subclass names the server.
 *
 * <p>Each test starts the server anew, plays one scenario from the client's side, and compares the
 * sequence of events with what the scenario allows; see {@link ConnectionTrace#shape()} for the
 * notation. After every test all clients leave, and {@link LifecycleInvariants} must hold for all
 * events, with no connection state left. A scenario that needs what the adapter does not declare is
 * skipped with that reason. The verdicts are written to {@code
 * target/contract/<server>-<version>.txt}. All the while the packets on the wire are captured, and
 * at the end they must tell the same ({@link WireWitness}).
 */
@ExtendWith({ContractReport.class, WireWitness.class})
@Timeout(ServerContract.LIMIT_SECONDS)
public abstract class ServerContract extends ContractHarness {
  /**
   * Far beyond what any scenario takes: on an idle machine the slowest takes 5 s, and a limit that
   * a crowded build machine can reach would tell of the machine and not of the server.
   */
  static final int LIMIT_SECONDS = 90;

  private static final Duration SHORT_IDLE = Duration.ofMillis(400);

  /** For how long a slow client reads nothing. */
  private static final int SLOW_CLIENT_MILLIS = 2_000;

  private static final int HELLO_BYTES = ContractRoute.HELLO_BODY.length();

  @Test
  @DisplayName("T01 keepalive2")
  void t01_keepAlive_servesTwoRequestsOnOneConnection() throws Exception {
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/hello").text()).isEqualTo(ContractRoute.HELLO_BODY);
    assertThat(client.get("/users/42?verbose=1").text()).isEqualTo("42");
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 S R200 C(complete)");
    assertThat(paths(trace)).containsExactly("/hello", "/users/42");
    assertThat(bytes(trace)).isEqualTo(HELLO_BYTES + 2);
    assertThat(trace.only(ConnectionOpened.class).clientPort()).isEqualTo(client.localPort());
  }

  @Test
  @DisplayName("T02 pipelined2")
  void t02_pipelined_keepsTheOrder() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/hello") + RawHttpClient.request("GET", "/users/7"));
    assertThat(client.read().text()).isEqualTo(ContractRoute.HELLO_BODY);
    assertThat(client.read().text()).isEqualTo("7");
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 S R200 C(complete)", "O S S R200 R200 C(complete)");
    assertThat(paths(trace)).containsExactly("/hello", "/users/7");
    assertThat(trace.all(ResponseCompleted.class))
        .extracting(ResponseCompleted::bytesSent)
        .containsExactly((long) HELLO_BYTES, 1L);
  }

  @Test
  @DisplayName("T03 conn-close")
  void t03_connectionClose_isComplete() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/hello", "Connection: close"));
    RawResponse response = client.read();
    assertThat(response.status()).isEqualTo(200);
    if (differs(Deviation.CLOSE_LEFT_TO_CLIENT)) {
      assertThat(response.headers()).containsEntry("connection", "close");
      client.close();
    } else {
      awaitEnd(client);
    }

    assertShape(awaitClosed(client.localPort()), "O S R200 C(complete)");
  }

  @Test
  @DisplayName("T04 http10")
  void t04_http10_closesAfterOneResponse() throws Exception {
    needsNot(Deviation.NO_HTTP10);
    start();
    RawHttpClient client = connect();

    client.send("GET /hello HTTP/1.0\r\n\r\n");
    assertThat(client.read().text()).isEqualTo(ContractRoute.HELLO_BODY);
    awaitEnd(client);

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 C(complete)");
    assertThat(trace.only(RequestStarted.class).httpVersion()).isEqualTo("HTTP/1.0");
  }

  @Test
  @DisplayName("T05 rst-midstream")
  void t05_rstMidStream_isAClientDisconnect() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/stream?chunks=100000&size=1000"));
    assertThat(client.readHead().status()).isEqualTo(200);
    assertThat(client.readBytes(300)).hasSize(300);
    client.reset();

    assertLeftWhileStreaming(awaitClosed(client.localPort()));
  }

  @Test
  @DisplayName("T06 fin-midstream")
  void t06_finMidStream_isAClientDisconnect() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/slow-stream"));
    assertThat(client.readHead().status()).isEqualTo(200);
    assertThat(client.readBytes(300)).hasSize(300);
    client.drainArrived();
    client.close();

    assertLeftWhileStreaming(awaitClosed(client.localPort()));
  }

  @Test
  @DisplayName("T07 upload-abort")
  void t07_uploadAbort_isAClientDisconnect() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("POST", "/upload", "Content-Length: 10000") + "0123456789");
    awaitHandlers(1);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    if (differs(Deviation.UPLOAD_ABORT_ANSWERED) && trace.all(ClientDisconnected.class).isEmpty()) {
      assertThat(trace.shape()).matches("O S R[45]00 C\\((client_disconnect|error|complete)\\)");
    } else {
      assertShape(trace, "O S D C(client_disconnect)");
      assertThat(trace.only(ClientDisconnected.class).duringStreaming()).isFalse();
    }
  }

  @Test
  @DisplayName("T08 idle-after-request")
  void t08_idleAfterRequest_isATimeout() throws Exception {
    needsNot(Deviation.CLOSE_UNSEEN);
    start(ServerOptions.defaults().withIdleTimeout(SHORT_IDLE));
    RawHttpClient client = connect();

    assertThat(client.get("/hello").status()).isEqualTo(200);
    assertThat(client.readToEnd()).isEmpty();

    assertTimedOut("O S R200 C(timeout)", "keep_alive_timeout", client);
  }

  @Test
  @DisplayName("T09 idle-no-byte")
  void t09_idleWithoutAByte_isATimeout() throws Exception {
    needs(Capability.BYTELESS);
    needsNot(Deviation.FIRST_BYTES_AWAITED);
    start(ServerOptions.defaults().withIdleTimeout(SHORT_IDLE));
    RawHttpClient client = connect();

    assertThat(client.readToEnd()).isEmpty();

    assertTimedOut("O C(timeout)", "keep_alive_timeout", client);
  }

  @Test
  @DisplayName("T10 partial-head-stall")
  void t10_partialHeadThatStalls_isATimeoutWithoutARequest() throws Exception {
    needsNot(Deviation.NO_HEAD_TIMEOUT);
    needsNot(Deviation.CLOSE_UNSEEN);
    start(ServerOptions.defaults().withIdleTimeout(SHORT_IDLE));
    RawHttpClient client = connect();

    client.send("GET /hello HTTP/1.1\r\nHost: loc");
    String unusedAnswer = new String(client.readToEnd(), ISO_8859_1);

    assertTimedOut("O C(timeout)", "request_headers_timeout", client);
  }

  @Test
  @DisplayName("T11 malformed-first")
  void t11_malformedFirst_isAnError() throws Exception {
    needs(Capability.MALFORMED);
    needsNot(Deviation.FIRST_BYTES_AWAITED);
    start();
    RawHttpClient client = connect();

    client.send("THIS IS NOT HTTP\r\n\r\n");
    boolean isAnswered = client.readToEnd().length > 0;

    assertThat(isAnswered).isNotEqualTo(differs(Deviation.MALFORMED_UNANSWERED));
    assertMalformed("O ", "4\\d\\d", client);
    assertThat(application.requests()).isZero();
  }

  @Test
  @DisplayName("T12 malformed-second")
  void t12_malformedSecond_isAnErrorAfterAGoodRequest() throws Exception {
    needs(Capability.MALFORMED);
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/hello").status()).isEqualTo(200);
    client.send("THIS IS NOT HTTP\r\n\r\n");
    byte[] unusedAnswer = client.readToEnd();

    assertMalformed("O S R200 ", "4\\d\\d", client);
  }

  @Test
  @DisplayName("T13 oversized-head")
  void t13_oversizedHead_isAnError() throws Exception {
    needs(Capability.MALFORMED);
    start();
    RawHttpClient client = connect();

    try {
      client.send(RawHttpClient.request("GET", "/hello", "X-Long: " + "x".repeat(64 * 1024)));
    } catch (IOException e) {
      // The server may answer and close before it has read the whole head.
    }
    byte[] unusedAnswer = client.readToEnd();

    assertMalformed("O ", "(400|431)", client);
  }

  @Test
  @DisplayName("T14 handler-throws")
  void t14_handlerThrows_isNoDisconnect() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/throw"));
    if (differs(Deviation.HANDLER_FAILURE_DROPS)) {
      assertThat(client.readToEnd()).isEmpty();
    } else {
      assertThat(client.read().status()).isEqualTo(500);
    }
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(
        trace, differs(Deviation.HANDLER_FAILURE_DROPS) ? "O S C(error)" : "O S R500 C(complete)");
  }

  @Test
  @DisplayName("T15 handler-throws-after-commit")
  void t15_handlerThrowsAfterCommit_isAnErrorAndNoDisconnect() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/throw-after-commit"));
    assertThat(client.readHead().status()).isEqualTo(200);
    String rest = new String(client.readToEnd(), ISO_8859_1);

    assertThat(rest).as("a cut response must not look whole").doesNotContain("\r\n0\r\n\r\n");
    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S C(error)");
  }

  @Test
  @DisplayName("T16 not-found")
  void t16_notFound_hasNoRoute() throws Exception {
    needsNot(Deviation.UNROUTED_UNSEEN);
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/nowhere").status()).isEqualTo(404);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R404 C(complete)");
    assertThat(trace.only(ResponseCompleted.class).route()).isNull();
  }

  @Test
  @DisplayName("T17 connect-close")
  void t17_connectAndClose_isComplete() throws Exception {
    needs(Capability.BYTELESS);
    start();
    RawHttpClient client = connect();

    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O C(complete)");
  }

  @Test
  @DisplayName("T18 stream-complete")
  void t18_streamThatCompletes_countsEveryByte() throws Exception {
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/stream?chunks=5&size=1000").text()).hasSize(5000);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 C(complete)");
    assertThat(trace.only(ResponseCompleted.class).bytesSent()).isEqualTo(5000);
    assertThat(trace.only(ResponseCompleted.class).timeToFirstByteNanos()).isNotNegative();
    assertThat(trace.only(ResponseCompleted.class).stream()).isNull();
  }

  @Test
  @DisplayName("T18b slow-client")
  void t18b_slowClient_isToldFromASlowApplication() throws Exception {
    needs(Capability.BLOCKED_WRITES);
    start();
    // By TLS, for no witness puts so many packets together that were sent again and again.
    RawHttpClient client = connectTls();

    // More than the buffers of both sockets hold, so that the application has to wait.
    client.send(RawHttpClient.request("GET", "/stream?chunks=256&size=65536"));
    RawResponse head = client.readHead();
    application.pause(SLOW_CLIENT_MILLIS);
    assertThat(client.readBody(head).text()).hasSize(256 * 65_536);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 C(complete)");
    ResponseCompleted completed = trace.only(ResponseCompleted.class);
    // A busy machine takes a part of the pause to fill the buffers.
    assertThat(completed.blockedNanos())
        .isBetween(MILLISECONDS.toNanos(SLOW_CLIENT_MILLIS / 4), completed.durationNanos());
  }

  @Test
  @DisplayName("T18c slow-application")
  void t18c_slowApplication_isToldFromASlowClient() throws Exception {
    needs(Capability.BLOCKED_WRITES);
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/slow-stream?chunks=20&size=100&pause=10").text()).hasSize(2_000);
    client.close();

    ResponseCompleted completed = awaitClosed(client.localPort()).only(ResponseCompleted.class);
    long application = completed.durationNanos() - completed.blockedNanos();
    assertThat(completed.blockedNanos()).isNotNegative();
    assertThat(application).isGreaterThanOrEqualTo(MILLISECONDS.toNanos(20 * 9));
  }

  @Test
  @DisplayName("T19 passive-disconnect")
  void t19_passiveDisconnect_isSeenAtOnceOrAtTheNextWrite() throws Exception {
    start();
    RawHttpClient waiting = connect();
    RawHttpClient streaming = connect();

    waiting.send(RawHttpClient.request("GET", "/pending"));
    streaming.send(RawHttpClient.request("GET", "/pending?committed=1"));
    assertThat(streaming.readHead().status()).isEqualTo(200);
    // The chunk is 100 bytes behind its size line.
    assertThat(streaming.readBytes(104)).hasSize(104);
    awaitHandlers(2);
    waiting.reset();
    streaming.reset();
    if (fixture().capabilities().contains(Capability.PASSIVE_DISCONNECT)) {
      await("noticed without a write")
          .atMost(Duration.ofMillis(300))
          .pollInterval(Duration.ofMillis(2))
          .until(() -> count(ClientDisconnected.class) == 2);
    }
    application.open();

    assertShape(awaitClosed(waiting.localPort()), "O S D C(client_disconnect)");
    assertLeftWhileStreaming(awaitClosed(streaming.localPort()));
  }

  @Test
  @DisplayName("T20 async-complete-other-thread")
  void t20_asyncCompletion_isOneResponseWithTheWaitInItsDuration() throws Exception {
    start();
    RawHttpClient client = connect();

    assertThat(client.get("/async?delay=100").text()).isEqualTo(ContractRoute.HELLO_BODY);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 C(complete)");
    assertThat(trace.only(ResponseCompleted.class).durationNanos())
        .isBetween(MILLISECONDS.toNanos(90), TimeUnit.SECONDS.toNanos(5));
    assertThat(trace.only(ResponseCompleted.class).timeToFirstByteNanos())
        .isGreaterThanOrEqualTo(MILLISECONDS.toNanos(90));
    // Such as a long poll does; but that it is one is for the application to say.
    assertThat(trace.only(ResponseCompleted.class).stream()).isNull();
  }

  @Test
  @DisplayName("T21 sse")
  void t21_serverSentEvents_endByTheClientLeaving() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/sse", "Accept: text/event-stream"));
    assertThat(client.readHead().headers().get("content-type")).startsWith("text/event-stream");
    assertThat(new String(client.readBytes(60), ISO_8859_1)).contains("data: tick");
    client.drainArrived();
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertLeftWhileStreaming(trace);
    assertThat(trace.only(ClientDisconnected.class).stream()).isEqualTo(StreamKind.SSE);
  }

  @Test
  @DisplayName("T21b sse-complete")
  void t21b_serverSentEvents_endByTheApplication() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("GET", "/sse"));
    RawResponse head = client.readHead();
    application.close();
    // Perhaps it has not ticked once.
    assertThat(client.readBody(head).status()).isEqualTo(200);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 C(complete)");
    assertThat(trace.only(ResponseCompleted.class).stream()).isEqualTo(StreamKind.SSE);
  }

  @Test
  @DisplayName("T22 head-204-304-100")
  void t22_responsesWithoutABody_countNoBytesAndInterimOnesEndNothing() throws Exception {
    start();
    RawHttpClient client = connect();

    client.send(RawHttpClient.request("HEAD", "/hello"));
    assertThat(client.readHeadOnly().headers()).containsEntry("content-length", "" + HELLO_BYTES);
    assertThat(client.get("/status/204").status()).isEqualTo(204);
    assertThat(client.get("/status/304").status()).isEqualTo(304);
    client.send(
        RawHttpClient.request("POST", "/upload", "Content-Length: 4", "Expect: 100-continue"));
    assertThat(client.readHead().status()).isEqualTo(100);
    client.send("body");
    assertThat(client.read().text()).isEqualTo("4");
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, "O S R200 S R204 S R304 S R200 C(complete)");
    assertThat(trace.all(ResponseCompleted.class))
        .extracting(ResponseCompleted::bytesSent)
        .containsExactly(0L, 0L, 0L, 1L);
  }

  @Test
  @DisplayName("T23 shutdown-idle")
  void t23_shutdownWhileIdle_isAServerShutdown() throws Exception {
    RunningServer server = start();
    RawHttpClient client = connect();
    assertThat(client.get("/hello").status()).isEqualTo(200);

    awaitEvents(ResponseCompleted.class, 1);
    server.close();

    assertThat(client.readToEnd()).isEmpty();
    assertShape(awaitClosed(client.localPort()), "O S R200 C(server_shutdown)");
  }

  @Test
  @Tag(WireWitness.PROBED)
  @DisplayName("T24 shutdown-busy")
  void t24_shutdownWhileBusy_letsTheResponseOut() throws Exception {
    needsNot(Deviation.NO_GRACEFUL_STOP);
    RunningServer server = start();
    RawHttpClient client = connect();
    client.send(RawHttpClient.request("GET", "/gate"));
    awaitHandlers(1);

    CompletableFuture<Void> stop = stopGracefully(server);
    awaitNotAccepting(server.port());
    application.open();

    assertThat(client.read().text()).isEqualTo(ContractRoute.HELLO_BODY);
    awaitEnd(client);
    stop.get(10, TimeUnit.SECONDS);
    assertShape(awaitClosed(client.localPort()), "O S R200 C(server_shutdown)");
  }

  @Test
  @DisplayName("T25 max-requests")
  void t25_maxRequests_isComplete() throws Exception {
    needsNot(Deviation.NO_REQUEST_LIMIT);
    start(ServerOptions.defaults().withMaxRequestsPerConnection(3));
    RawHttpClient client = connect();

    for (int i = 0; i < 3; i++) {
      assertThat(client.get("/hello").status()).isEqualTo(200);
    }
    awaitEnd(client);

    assertShape(awaitClosed(client.localPort()), "O S R200 S R200 S R200 C(complete)");
  }

  @Test
  @DisplayName("T26 max-connections")
  void t26_maxConnections_isRejectedOrBackpressureOrWaits() throws Exception {
    needsNot(Deviation.NO_CONNECTION_LIMIT);
    RunningServer server = start(ServerOptions.defaults().withMaxConnections(2));
    RawHttpClient first = connect();
    RawHttpClient second = connect();
    assertThat(first.get("/hello").status()).isEqualTo(200);
    assertThat(second.get("/hello").status()).isEqualTo(200);

    RawHttpClient third = connect();
    third.send(RawHttpClient.request("GET", "/hello"));

    if (differs(Deviation.CONNECTION_LIMIT_PAUSES)) {
      await("the third waits unseen")
          .during(Duration.ofMillis(200))
          .atMost(Duration.ofSeconds(2))
          .until(() -> count(RequestStarted.class) == 2);
      first.close();
      assertThat(third.read().status()).isEqualTo(200);
    } else {
      byte[] unusedAnswer = third.readToEnd();
      patiently("rejected or closed by backpressure")
          .until(
              () -> {
                ConnectionTrace trace = collector.connectionFrom(third.localPort());
                return trace == null
                    ? server.rejectedConnections() == 1
                    : trace.shape().equals("O C(backpressure)");
              });
    }
    assertThat(second.get("/hello").status()).isEqualTo(200);
  }

  @Test
  @DisplayName("T27 h2-multiplex")
  void t27_h2Multiplex_pairsEveryStream() throws Exception {
    needs(Capability.H2);
    start();
    Http2Client client = connectH2();

    int first = client.getAll("/async?delay=300", 100);
    for (int i = 0; i < 100; i++) {
      assertThat(client.awaitStatus(first + 2 * i)).isEqualTo(200);
      assertThat(client.awaitEnd(first + 2 * i)).isEqualTo(HELLO_BYTES);
    }
    awaitEvents(ResponseCompleted.class, 100);
    client.goAway(0);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertThat(trace.only(ConnectionClosed.class).reason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(streams(trace.all(RequestStarted.class))).hasSize(100).doesNotContain(0L);
    assertThat(trace.all(ResponseCompleted.class))
        .hasSize(100)
        .allSatisfy(end -> assertThat(end.status()).isEqualTo(200));
    assertThat(trace.all(RequestStarted.class))
        .allSatisfy(start -> assertThat(start.httpVersion()).startsWith("HTTP/2"));
    assertThat(mostOpen(trace)).as("streams open at once").isGreaterThan(50);
  }

  @Test
  @DisplayName("T27b h2c-upgrade")
  void t27b_h2cUpgrade_countsTheFirstStreamOnce() throws Exception {
    needs(Capability.H2);
    needsNot(Deviation.NO_H2C_UPGRADE);
    RunningServer server = start();
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();

    for (int i = 0; i < 2; i++) {
      HttpResponse<String> response = client.send(http(server.port()), bodyText());
      assertThat(response.version()).isEqualTo(HttpClient.Version.HTTP_2);
      assertThat(response.body()).isEqualTo(ContractRoute.HELLO_BODY);
    }
    awaitEvents(ResponseCompleted.class, 2);
    server.close();

    // A client may have its answer before the server knows that it has sent it.
    assertShape(
        awaitOnlyClosed(),
        "O S R200 S R200 C(server_shutdown)",
        "O S S R200 R200 C(server_shutdown)");
  }

  @Test
  @DisplayName("T28 h2-rst-one")
  void t28_h2ResetOfOneStream_leavesTheOthersAndTheConnection() throws Exception {
    needs(Capability.H2);
    start();
    Http2Client client = connectH2();

    int before = client.get("/hello");
    int cancelled = client.get("/slow-stream");
    int beside = client.get("/slow-stream?chunks=30");
    client.awaitBytes(cancelled, 300);
    client.reset(cancelled, Http2Client.CANCEL);
    int after = client.get("/hello");
    assertThat(client.awaitEnd(before)).isEqualTo(HELLO_BYTES);
    assertThat(client.awaitEnd(beside)).isEqualTo(3000);
    assertThat(client.awaitEnd(after)).isEqualTo(HELLO_BYTES);
    awaitEvents(ClientDisconnected.class, 1);
    awaitEvents(ResponseCompleted.class, 3);
    client.close();

    ConnectionTrace trace = awaitClosed(client.localPort());
    ClientDisconnected disconnected = trace.only(ClientDisconnected.class);
    assertThat(disconnected.streamId()).isEqualTo(cancelled);
    assertThat(disconnected.duringStreaming()).isTrue();
    assertThat(trace.all(ResponseCompleted.class))
        .extracting(ResponseCompleted::streamId)
        .containsExactlyInAnyOrder((long) before, (long) beside, (long) after);
    assertThat(trace.only(ConnectionClosed.class).reason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  @DisplayName("T28b h2-close-with-body")
  void t28b_h2CloseOnceTheBodyIsThere_isAResponse() throws Exception {
    needs(Capability.H2);
    start();
    Http2Client client = connectH2();

    getHeldEnds(client);
    client.close();
    if (fixture().capabilities().contains(Capability.ACCEPT)) {
      awaitEvents(ConnectionClosed.class, 1);
    }
    application.open();

    assertWhole(awaitClosed(client.localPort()), 2);
  }

  @Test
  @DisplayName("T28c h2-reset-with-body")
  void t28c_h2ResetOnceTheBodyIsThere_isAResponse() throws Exception {
    needs(Capability.H2);
    start();
    Http2Client client = connectH2();

    for (int stream : getHeldEnds(client)) {
      client.reset(stream, Http2Client.CANCEL);
    }
    // The server reads one frame after the other, so it knows of the resets.
    assertThat(client.awaitEnd(client.get("/hello"))).isEqualTo(HELLO_BYTES);
    application.open();
    awaitEvents(ResponseCompleted.class, 3);
    client.close();

    assertWhole(awaitClosed(client.localPort()), 3);
  }

  @Test
  @DisplayName("T29 h2-goaway")
  void t29_h2GoAway_isComplete() throws Exception {
    needs(Capability.H2);
    start();
    Http2Client client = connectH2();

    assertThat(client.awaitEnd(client.get("/hello"))).isEqualTo(HELLO_BYTES);
    awaitEvents(ResponseCompleted.class, 1);
    client.goAway(0);
    client.close();

    assertShape(awaitClosed(client.localPort()), "O S R200 C(complete)");
  }

  @Test
  @DisplayName("T30 h2-rapid-reset")
  void t30_h2RapidReset_isBackpressure() throws Exception {
    needs(Capability.H2);
    needsNot(Deviation.NO_RESET_LIMIT);
    start(ServerOptions.defaults().withMaxResetsPerSecond(20));
    Http2Client client = connectH2();

    try {
      for (int i = 0; i < 1000; i++) {
        client.getAndReset("/hello");
      }
    } catch (IOException e) {
      // The server has had enough.
    }
    client.awaitClosed();

    ConnectionTrace trace = awaitClosed(client.localPort());
    assertThat(trace.only(ConnectionClosed.class).reason()).isEqualTo(CloseReason.BACKPRESSURE);
    assertThat(trace.all(RequestStarted.class)).hasSizeLessThan(1000);
  }

  @Test
  @DisplayName("T31 tls-alpn")
  void t31_tlsAlpn_speaksWhatWasAgreed() throws Exception {
    start();

    RawHttpClient h1 = connectTls();
    assertThat(h1.get("/hello").status()).isEqualTo(200);
    h1.close();
    assertTls(awaitClosed(h1.localPort()), "HTTP/1.1");

    if (fixture().capabilities().contains(Capability.H2)) {
      Http2Client h2 = connectH2Tls();
      assertThat(h2.awaitEnd(h2.get("/hello"))).isEqualTo(HELLO_BYTES);
      // Jetty may see the client go before its last write has told of its success.
      awaitEvents(ResponseCompleted.class, 2);
      h2.close();
      assertTls(awaitClosed(h2.localPort()), "HTTP/2");
    }
  }

  @Test
  @DisplayName("T31b tls-jdk-client")
  void t31b_tlsByTheJdksClient_speaksTheBestBothKnow() throws Exception {
    RunningServer server = start();
    HttpClient client =
        HttpClient.newBuilder().sslContext(TlsMaterial.shared().clientContext()).build();
    boolean isH2 = fixture().capabilities().contains(Capability.H2);

    HttpResponse<String> response = client.send(https(server.tlsPort()), bodyText());
    awaitEvents(ResponseCompleted.class, 1);
    server.close();

    assertThat(response.version())
        .isEqualTo(isH2 ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1);
    ConnectionTrace trace = awaitOnlyClosed();
    assertShape(trace, "O S R200 C(server_shutdown)");
    assertThat(trace.only(ConnectionOpened.class).tls()).isTrue();
  }

  @Test
  @DisplayName("T32 tls-handshake-fail")
  void t32_tlsHandshakeThatFails_isAnErrorWithoutARequest() throws Exception {
    needs(Capability.ACCEPT);
    RunningServer server = start();

    RawHttpClient plain = keep(RawHttpClient.connect(server.tlsPort()));
    plain.send(RawHttpClient.request("GET", "/hello"));
    byte[] unusedAlert = plain.readToEnd();

    ConnectionTrace trace = awaitClosed(plain.localPort());
    assertShape(trace, "O C(error)");
    assertThat(trace.only(ConnectionOpened.class).tls()).isTrue();

    assertThatThrownBy(() -> RawHttpClient.connectTls(server.tlsPort(), distrusting()))
        .isInstanceOf(SSLException.class);

    awaitEvents(ConnectionClosed.class, 2);
    assertShape(collector.connections().get(1), "O C(error)");
  }

  @Test
  @DisplayName("T33 websocket")
  void t33_webSocket_isOneRequestThenAConnection() throws Exception {
    needs(Capability.WEBSOCKET);
    start();

    WebSocketClient polite = connectWebSocket();
    for (int i = 0; i < 10; i++) {
      assertThat(polite.exchange("message " + i)).isEqualTo("message " + i);
    }
    polite.closeNormally();
    WebSocketClient rude = connectWebSocket();
    assertThat(rude.exchange("hello")).isEqualTo("hello");
    rude.reset();

    ConnectionTrace politely = awaitClosed(polite.localPort());
    assertShape(politely, "O S R101 C(complete)");
    assertThat(politely.only(ResponseCompleted.class).stream()).isEqualTo(StreamKind.WEBSOCKET);
    assertThat(awaitClosed(rude.localPort()).only(ConnectionClosed.class).reason())
        .isEqualTo(CloseReason.CLIENT_DISCONNECT);
  }

  @Test
  @DisplayName("T34 concurrency")
  void t34_concurrency_agreesWithTheClientsOwnSums() throws Exception {
    RunningServer server = start();

    // All sorts of requests; T34b has the numbers.
    ContractLoad load = ContractLoad.run(server.port(), 64, 250, droppingPaths());
    awaitEvents(ConnectionClosed.class, 64);

    ContractLoad.Sums seen = ContractLoad.sums(collector.events());
    assertThat(seen).isEqualTo(load.sums());
    assertThat(collector.connections())
        .hasSize(64)
        .allSatisfy(
            trace -> {
              ContractLoad.Sums own = load.sumsOf(trace.only(ConnectionOpened.class).clientPort());
              assertThat(ContractLoad.sums(trace.events())).isEqualTo(own);
              assertThat(bytes(trace)).isEqualTo(own.bytes());
              assertThat(trace.only(ConnectionClosed.class).reason())
                  .isEqualTo(CloseReason.COMPLETE);
            });
    patiently("no state left").until(() -> server.openConnectionStates() == 0);
  }

  @Test
  @DisplayName("T34b load-tool")
  void t34b_loadTool_agreesWithItsOwnCounts() throws Exception {
    RunningServer server = start();
    String url = "http://127.0.0.1:" + server.port() + ContractRoute.HELLO.template();

    ContractLoad.Sums counted =
        LoadTool.get(url, 64, 64_000, !differs(Deviation.NO_REASON_PHRASE), List.of("--h1"));
    awaitEvents(ConnectionClosed.class, 64);
    assertThat(ContractLoad.sums(collector.events())).isEqualTo(counted);

    if (fixture().capabilities().contains(Capability.H2)) {
      ContractLoad.Sums streams = LoadTool.get(url, 8, 16_000, true, List.of("-m", "16"));
      awaitEvents(ConnectionClosed.class, 64 + 8);
      assertThat(ContractLoad.sums(collector.events())).isEqualTo(counted.plus(streams));
    }
    patiently("no state left").until(() -> server.openConnectionStates() == 0);
  }

  @Test
  @DisplayName("T35 noop")
  void t35_noopCollector_costsNoAllocation(TestReporter reporter) throws Exception {
    AllocationComparison comparison = AllocationComparison.measure(fixture());
    reporter.publishEntry(comparison.toString());

    assertThat(comparison.recordingBytes())
        .as("bytes per request that recording costs: the meter must see it; %s", comparison)
        .isGreaterThan(100);
    assertThat(comparison.noopBytes())
        .as("bytes per request that a disabled collector costs; %s", comparison)
        .isLessThan(comparison.resolutionBytes());
  }

  @Test
  @DisplayName("T36 fault")
  void t36_collectorThatFails_leavesTheTrafficAlone() throws Exception {
    AtomicLong thrown = new AtomicLong();
    LifecycleCollector throwing =
        event -> {
          if (thrown.getAndIncrement() % 2 == 0) {
            throw new IllegalStateException("the collector fails on purpose");
          }
          throw new AssertionError("the collector fails badly on purpose");
        };
    try (RunningServer server = fixture().start(application, throwing, ServerOptions.defaults())) {
      assertTrafficUnaffected(server);
      patiently("every failure counted")
          .untilAsserted(
              () ->
                  assertThat(server.collectorFailures())
                      .isEqualTo(2 + 2 * 10)
                      .isEqualTo(thrown.get()));
    }
  }

  @Test
  @DisplayName("T36b slow-collector")
  void t36b_collectorThatBlocks_delaysAndLosesNothing() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    RecordingCollector taken = new RecordingCollector();
    LifecycleCollector slow =
        event -> {
          pause(never);
          taken.record(event);
        };
    try (RunningServer server = fixture().start(application, slow, ServerOptions.defaults())) {
      assertTrafficUnaffected(server);
      patiently("everything recorded").until(() -> taken.events().size() == 2 + 2 * 10);
      assertThat(taken.connections()).hasSize(1);
      assertThat(server.collectorFailures()).isZero();
    }
  }

  @Test
  @DisplayName("R17 slowloris")
  void r17_headsThatNeverEnd_areConnectionsWithoutRequests() throws Exception {
    needs(Capability.BYTELESS);
    start();
    List<RawHttpClient> slow = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      RawHttpClient client = connect();
      client.send("GET /hello HTTP/1.1\r\nX-Slow: ");
      slow.add(client);
    }
    for (RawHttpClient client : slow) {
      client.send("b");
    }

    RawHttpClient polite = connect();
    assertThat(polite.get("/hello").status()).isEqualTo(200);
    awaitEvents(ConnectionOpened.class, 101);
    for (RawHttpClient client : slow) {
      client.reset();
    }

    for (RawHttpClient client : slow) {
      assertThat(awaitClosed(client.localPort()).shape())
          .matches("O (S\\* (R4\\d\\d )?)?C\\(\\w+\\)");
    }
  }

  @Test
  @DisplayName("R18 reset-storm")
  void r18_resetStorm_isOneCloseAndOneDisconnectEach() throws Exception {
    start();
    List<RawHttpClient> rude = new ArrayList<>();

    for (int i = 0; i < 300; i++) {
      RawHttpClient client = connect();
      client.send(RawHttpClient.request("GET", "/slow-stream"));
      assertThat(client.readHead().status()).isEqualTo(200);
      assertThat(client.readBytes(100)).hasSize(100);
      client.reset();
      rude.add(client);
    }

    for (RawHttpClient client : rude) {
      assertLeftWhileStreaming(awaitClosed(client.localPort()));
    }
  }

  @Test
  @Tag(WireWitness.NOT_HTTP)
  @DisplayName("R19 malformed-corpus")
  void r19_malformedRequests_areAnsweredAsByTheBareServer() throws Exception {
    // Some of them are heads without an end.
    needsNot(Deviation.NO_HEAD_TIMEOUT);
    ServerOptions options = ServerOptions.defaults().withIdleTimeout(SHORT_IDLE);
    List<String> corpus = MalformedCorpus.requests();
    RunningServer observed = start(options);

    try (RunningServer bare = fixture().start(application, null, options)) {
      assertThat(MalformedCorpus.differences(bare.port(), observed.port(), corpus)).isEmpty();
    }

    if (fixture().capabilities().contains(Capability.MALFORMED)) {
      awaitEvents(ConnectionClosed.class, corpus.size());
    }
  }

  /** Gets the bodies of two responses that need not end; returns their streams. */
  private List<Integer> getHeldEnds(Http2Client client) throws IOException {
    String path = ContractRoute.HELD_END.template();
    List<Integer> streams = List.of(client.get(path), client.get(path + "?async=1"));
    for (int stream : streams) {
      client.awaitBytes(stream, HELLO_BYTES);
    }
    // A filter knows only then, and Jetty may fail a write that it has not yet told of.
    patiently("both flushed").until(() -> application.heldEnds() == 2);
    return streams;
  }

  private static void assertWhole(ConnectionTrace trace, int responses) {
    assertThat(trace.all(ClientDisconnected.class)).as(trace.shape()).isEmpty();
    assertThat(trace.only(ConnectionClosed.class).reason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(trace.all(ResponseCompleted.class))
        .hasSize(responses)
        .allSatisfy(
            end -> {
              assertThat(end.status()).isEqualTo(200);
              assertThat(end.bytesSent()).isEqualTo(HELLO_BYTES);
            });
  }

  private static void assertLeftWhileStreaming(ConnectionTrace trace) {
    assertShape(trace, "O S D C(client_disconnect)");
    assertThat(trace.only(ClientDisconnected.class).duringStreaming()).isTrue();
    assertThat(trace.only(ClientDisconnected.class).bytesSent()).isPositive();
    assertThat(trace.only(ConnectionClosed.class).requestsServed()).isZero();
  }

  private void assertTimedOut(String shape, String detail, RawHttpClient client) {
    ConnectionTrace trace = awaitClosed(client.localPort());
    assertShape(trace, shape);
    ConnectionClosed closed = trace.only(ConnectionClosed.class);
    assertThat(closed.durationNanos()).isGreaterThanOrEqualTo(SHORT_IDLE.toNanos() * 9 / 10);
    if (fixture().capabilities().contains(Capability.IDLE_EXACT)) {
      assertThat(closed.detail()).isEqualTo(detail);
    }
  }

  private void assertMalformed(String before, String statuses, RawHttpClient client) {
    String answer = differs(Deviation.MALFORMED_UNANSWERED) ? "" : " R" + statuses;
    ConnectionTrace trace = awaitClosed(client.localPort());
    assertThat(trace.shape()).matches(before + "S\\*" + answer + " C\\(error\\)");
  }

  private static void assertTls(ConnectionTrace trace, String version) {
    assertShape(trace, "O S R200 C(complete)");
    assertThat(trace.only(ConnectionOpened.class).tls()).isTrue();
    assertThat(trace.only(RequestStarted.class).httpVersion()).startsWith(version);
  }

  private static void assertTrafficUnaffected(RunningServer server) throws IOException {
    try (RawHttpClient client = RawHttpClient.connect(server.port())) {
      for (int i = 0; i < 10; i++) {
        RawResponse response = client.get("/users/" + i);
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.text()).isEqualTo("" + i);
      }
    }
  }

  /** Waits for the server's end of the connection, and answers it as clients do. */
  private static void awaitEnd(RawHttpClient client) throws IOException {
    assertThat(client.readToEnd()).isEmpty();
    client.close();
  }

  private void awaitHandlers(int requests) {
    patiently(requests + " requests in a handler").until(() -> application.requests() >= requests);
  }

  private static CompletableFuture<Void> stopGracefully(RunningServer server) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            server.stopGracefully();
          } catch (Exception e) {
            throw new IllegalStateException("the stop failed", e);
          }
        });
  }

  private static void awaitNotAccepting(int port) {
    patiently("the port no longer accepts")
        .until(
            () -> {
              try (RawHttpClient probe = RawHttpClient.connect(port)) {
                return probe.localPort() == 0;
              } catch (SocketException e) {
                // Refused; or reset, if its listener went in the middle of it.
                return true;
              }
            });
  }

  /** Paths upon which this server closes the connection, or writes what is not seen. */
  private Set<String> droppingPaths() {
    Set<String> paths = new HashSet<>();
    boolean hasUnseenPages = differs(Deviation.ERROR_PAGES_UNSEEN);
    if (differs(Deviation.HANDLER_FAILURE_DROPS)
        || differs(Deviation.ERRORS_CLOSE)
        || hasUnseenPages) {
      paths.add("/throw");
    }
    if (differs(Deviation.ERRORS_CLOSE)) {
      paths.add("/status/503");
    }
    if (differs(Deviation.UNROUTED_UNSEEN) || hasUnseenPages) {
      paths.add("/nowhere");
    }
    return paths;
  }

  private int count(Class<? extends LifecycleEvent> type) {
    return (int) collector.events().stream().filter(type::isInstance).count();
  }

  private static Set<Long> streams(List<RequestStarted> started) {
    return started.stream().map(RequestStarted::streamId).collect(Collectors.toSet());
  }

  private static int mostOpen(ConnectionTrace trace) {
    Set<Long> open = new HashSet<>();
    int most = 0;
    for (LifecycleEvent event : trace.events()) {
      if (event instanceof RequestStarted started) {
        open.add(started.requestId());
      } else if (event instanceof ResponseCompleted completed) {
        open.remove(completed.requestId());
      }
      most = Math.max(most, open.size());
    }
    return most;
  }

  private static HttpRequest http(int port) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/hello")).build();
  }

  private static HttpRequest https(int port) {
    return HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + "/hello")).build();
  }

  private static HttpResponse.BodyHandler<String> bodyText() {
    return HttpResponse.BodyHandlers.ofString();
  }

  /** A client that knows the public authorities only. */
  private static SSLContext distrusting() throws NoSuchAlgorithmException {
    return SSLContext.getDefault();
  }

  private static void pause(CountDownLatch never) {
    try {
      boolean unused = never.await(5, MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
