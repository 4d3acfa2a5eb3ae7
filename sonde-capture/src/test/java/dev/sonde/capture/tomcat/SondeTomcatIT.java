// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Exchange;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.Http2Client;
import dev.sonde.testkit.net.TlsMaterial;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.coyote.http2.Http2Protocol;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class SondeTomcatIT {
  private static final Logger TOMCAT = Logger.getLogger("org.apache");
  private static final String TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String TRACEPARENT = "00-" + TRACE_ID + "-00f067aa0ba902b7-01";
  private static final int FILE_BYTES = 3_000_000;

  private final RecordingOutlet ends = new RecordingOutlet();
  private final Tomcat tomcat = new Tomcat();
  private Connector connector = configured(SondeTomcat.connector(ends::listener));

  @TempDir private Path directory;

  @BeforeEach
  void quieten() {
    TOMCAT.setLevel(Level.OFF);
    tomcat.setBaseDir(directory.toString());
  }

  @AfterEach
  void stop() throws Exception {
    tomcat.stop();
    tomcat.destroy();
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void wireBytes_countBothDirections() throws Exception {
    start(new Answering());
    String head = head("/app/some/thing");

    String answer = send(head);

    awaitClosed(1);
    assertThat(answer).startsWith("HTTP/1.1 200").endsWith("hello");
    assertThat(ends.connections.get(0).wireBytesIn()).isEqualTo(head.length());
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void sendfile_staysSendfileAndIsCountedToItsEnd() throws Exception {
    Files.write(directory.resolve("large.bin"), new byte[FILE_BYTES]);
    start(new DefaultServlet());

    String first = "GET /app/large.bin HTTP/1.1\r\nHost: x\r\n\r\n";
    String answer = send(first + head("/app/large.bin"));

    awaitClosed(1);
    assertThat(answer.length()).isGreaterThan(2 * FILE_BYTES);
    assertThat(ends.requests).hasSize(2);
    assertThat(ends.requests)
        .allSatisfy(
            request -> {
              assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
              assertThat(request.status()).isEqualTo(200);
            });
    assertThat(ends.bodyBytes).containsExactly((long) FILE_BYTES, (long) FILE_BYTES);
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
  }

  @Test
  void sendfileCutByTheClient_isADisconnect() throws Exception {
    Files.write(directory.resolve("large.bin"), new byte[20 * FILE_BYTES]);
    start(new DefaultServlet());

    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
      socket.setSoLinger(true, 0);
      socket.getOutputStream().write(head("/app/large.bin").getBytes(ISO_8859_1));
      assertThat(socket.getInputStream().readNBytes(1000)).hasSize(1000);
    }

    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.CLIENT_ABORT_DURING_BODY);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.CLIENT_DISCONNECT);
  }

  @Test
  void compression_countsWhatWasSent() throws Exception {
    ((AbstractHttp11Protocol<?>) connector.getProtocolHandler()).setCompression("force");
    start(
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response)
              throws IOException {
            response.setContentType("text/plain");
            response.getOutputStream().write("x".repeat(100_000).getBytes(ISO_8859_1));
          }
        });

    String unused = send(head("/app/x").replace("\r\n\r\n", "\r\nAccept-Encoding: gzip\r\n\r\n"));

    awaitClosed(1);
    assertThat(ends.bodyBytes.get(0)).isBetween(50L, 5_000L);
  }

  @Test
  void traceparent_isCurrentInTheServletAndInAsynchronousDispatches() throws Exception {
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    start(new TwiceDispatched(seen));

    String answer =
        send(
            head("/app/twice/1?q=2")
                .replace("\r\n\r\n", "\r\ntraceparent: " + TRACEPARENT + "\r\n\r\n"));

    assertThat(answer).startsWith("HTTP/1.1 200");
    awaitClosed(1);
    Exchange request = ends.requests.get(0);
    assertThat(request.span().traceparent()).contains(TRACE_ID).isNotEqualTo(TRACEPARENT);
    assertThat(seen).hasSize(2).containsOnly(request.span());
    assertThat(request.path()).isEqualTo("/app/twice/1");
  }

  @Test
  void route_isWhatTheApplicationSaysElseTheMapping() throws Exception {
    start(
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response) {
            if (request.getPathInfo().equals("/named")) {
              request.setAttribute(SondeTomcat.ROUTE_ATTRIBUTE, "/named/{by}/application");
            } else if (request.getPathInfo().equals("/spring")) {
              request.setAttribute(
                  "org.springframework.web.servlet.HandlerMapping.bestMatchingPattern",
                  "/spring/{id}");
            }
          }
        });

    for (String path : List.of("/app/named", "/app/spring", "/app/other", "/elsewhere")) {
      String unused = sendAlone(head(path));
    }

    assertThat(ends.routes)
        .containsExactly("/named/{by}/application", "/spring/{id}", "/app/*", null);
  }

  @Test
  void applicationFailure_isKeptBesideTheAnswer() throws Exception {
    IllegalStateException failure = new IllegalStateException("on purpose");
    start(
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response)
              throws ServletException {
            throw failure;
          }
        });

    String answer = send(head("/app/throw"));

    assertThat(answer).startsWith("HTTP/1.1 500");
    awaitClosed(1);
    assertThat(ends.errors.get(0)).isSameAs(failure);
    assertThat(ends.requests.get(0).status()).isEqualTo(500);
    assertThat(ends.bodyBytes.get(0)).as("the error page").isPositive();
  }

  @Test
  void bodyThatStalls_isATimeout() throws Exception {
    connector.setProperty("connectionTimeout", "300");
    start(new Reading());

    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
      String head = "POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this";
      socket.getOutputStream().write(head.getBytes(ISO_8859_1));
      byte[] unused = socket.getInputStream().readAllBytes();

      awaitClosed(1);
    }
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.TIMEOUT);
    assertThat(ends.connections.get(0).closeDetail()).isEqualTo("request_body_timeout");
  }

  @Test
  void restart_observesEveryRequestOnce() throws Exception {
    start(new Answering());
    String unusedFirst = send(head("/app/x"));
    awaitClosed(1);
    tomcat.stop();
    tomcat.start();

    String unusedSecond = send(head("/app/x"));

    awaitClosed(2);
    assertThat(ends.requests).hasSize(2);
    assertThat(ends.scopes).hasSize(1);
    assertThat(ends.connections.get(1).closeReason()).isEqualTo(CloseReason.COMPLETE);
    Valve[] valves = tomcat.getEngine().getPipeline().getValves();
    assertThat(valves).filteredOn(valve -> valve instanceof ObservingValve).hasSize(1);
  }

  @Test
  void protocolByName_isObservedOnceToldToWhom() throws Exception {
    connector = configured(new Connector(SondeTomcat.PROTOCOL));
    SondeTomcat.observe(connector, ends::listener);
    start(new Answering());

    String unused = send(head("/app/x"));

    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
  }

  @Test
  void protocolByName_isTomcatsOwnWithoutAnObserver() throws Exception {
    connector = configured(new Connector(SondeTomcat.PROTOCOL));
    start(new Answering());

    String answer = send(head("/app/x"));

    assertThat(answer).endsWith("hello");
    assertThat(tomcat.getEngine().getPipeline().getValves())
        .noneMatch(valve -> valve instanceof ObservingValve);
  }

  @Test
  void otherProtocol_isRefused() {
    Connector other = new Connector();

    assertThatThrownBy(() -> SondeTomcat.observe(other, ends::listener))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(SondeTomcat.PROTOCOL);
  }

  @Test
  void errorAttribute_tellsWhatFailedInAnAsynchronousDispatch() throws Exception {
    IllegalStateException named = new IllegalStateException("on purpose");
    start(
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response) {
            if (request.getDispatcherType() == DispatcherType.ASYNC) {
              request.setAttribute(SondeTomcat.ERROR_ATTRIBUTE, named);
              response.setStatus(503);
            } else {
              AsyncContext async = request.startAsync();
              new Thread(async::dispatch, "dispatcher").start();
            }
          }
        });

    assertThat(send(head("/app/x"))).startsWith("HTTP/1.1 503");

    awaitClosed(1);
    assertThat(ends.errors).containsExactly(named);
  }

  @Test
  void pooledAndUnpooledChannels_areObserved() throws Exception {
    for (String size : List.of("0", "100")) {
      assertThat(connector.setProperty("socket.bufferPool", size)).isTrue();
      start(new Answering());
      for (int i = 0; i < 5; i++) {
        String unused = send(head("/app/x"));
      }
      awaitClosed(5);
      tomcat.stop();
      ends.connections.clear();
      tomcat.getHost().removeChild(tomcat.getHost().findChild("/app"));
    }

    assertThat(ends.requests).hasSize(10);
  }

  @ParameterizedTest(name = "TLS: {0}, announced length: {1}")
  @CsvSource({"false,false", "true,false", "false,true", "true,true"})
  void closeAfterTheBody_cutsNothingWhileTheServletIsStillAtWork(boolean isTls, boolean hasLength)
      throws Exception {
    CountDownLatch told = new CountDownLatch(1);
    connector.addUpgradeProtocol(new Http2Protocol());
    if (isTls) {
      TomcatFixture.encrypt(connector, TlsMaterial.shared());
    }
    start(new Lingering(told, hasLength));

    int port = connector.getLocalPort();
    try (Http2Client client =
        isTls
            ? Http2Client.connectTls(port, TlsMaterial.shared().clientContext())
            : Http2Client.connect(port)) {
      int stream = client.get("/app/x");
      if (hasLength) {
        client.awaitBytes(stream, 5);
      } else {
        assertThat(client.awaitEnd(stream)).isEqualTo(5);
      }
    }

    awaitClosed(1);
    told.countDown();
    assertThat(ends.requests).hasSize(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.bodyBytes).containsExactly(5L);
    assertThat(ends.routes).containsExactly("/app/*");
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  private void start(HttpServlet servlet) throws Exception {
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("/app", directory.toString());
    Tomcat.addServlet(context, "servlet", servlet).setAsyncSupported(true);
    context.addServletMapping(servlet instanceof DefaultServlet ? "/" : "/*", "servlet");
    tomcat.start();
  }

  private static Connector configured(Connector made) {
    made.setPort(0);
    made.setThrowOnFailure(true);
    assertThat(made.setProperty("address", "127.0.0.1")).isTrue();
    return made;
  }

  private static String head(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  }

  private String send(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  /** Sends on a connection of its own; the next one is then told after it. */
  private String sendAlone(String request) throws IOException {
    int closed = ends.connections.size();
    String answer = send(request);
    awaitClosed(closed + 1);
    return answer;
  }

  private void awaitClosed(int connections) {
    await().until(() -> ends.connections.size() == connections);
  }

  /**
   * Says hello, but does not return before it is let go. It ends its output, or has announced the
   * length of it.
   */
  private static final class Lingering extends HttpServlet {
    private final transient CountDownLatch leave;
    private final boolean hasLength;

    Lingering(CountDownLatch leave, boolean hasLength) {
      this.leave = leave;
      this.hasLength = hasLength;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      if (hasLength) {
        response.setContentLength(5);
      }
      response.getOutputStream().write("hello".getBytes(ISO_8859_1));
      if (hasLength) {
        response.flushBuffer();
      } else {
        response.getOutputStream().close();
      }
      try {
        leave.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Says hello. */
  private static final class Answering extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.getOutputStream().write("hello".getBytes(ISO_8859_1));
    }
  }

  /** Reads a body to its end. */
  private static final class Reading extends HttpServlet {
    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      byte[] unused = request.getInputStream().readAllBytes();
    }
  }

  /** Answers in a second dispatch. */
  private static final class TwiceDispatched extends HttpServlet {
    private final transient List<@Nullable Span> seen;

    TwiceDispatched(List<@Nullable Span> seen) {
      this.seen = seen;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      seen.add(Objects.requireNonNull(TraceContext.current()));
      if (request.getDispatcherType() != DispatcherType.ASYNC) {
        AsyncContext async = request.startAsync();
        Thread thread = new Thread(async::dispatch, "dispatcher");
        thread.start();
      }
    }
  }
}
