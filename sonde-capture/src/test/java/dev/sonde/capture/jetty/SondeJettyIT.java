// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Exchange;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class SondeJettyIT {
  private static final String TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String TRACEPARENT = "00-" + TRACE_ID + "-00f067aa0ba902b7-01";

  private final RecordingOutlet ends = new RecordingOutlet();
  private final Server server = new Server();
  private final ServerConnector connector = observed();

  @AfterEach
  void stop() throws Exception {
    server.stop();
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void halfClosedClient_getsAWholeResponseThatCounts() throws Exception {
    start(new Answering());

    String answer = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", true);

    assertThat(answer).startsWith("HTTP/1.1 200").endsWith("hello");
    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.requests.get(0).bytesOut()).isEqualTo(5);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void halfClosedClient_isToldOfItsMalformedHead() throws Exception {
    start(new Answering());

    String answer = send("THIS IS NOT HTTP\r\n\r\n", true);

    assertThat(answer).contains(" 400 ");
    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.REJECTED);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.ERROR);
  }

  @Test
  void wireBytes_countBothDirections() throws Exception {
    start(new Answering());
    String head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    String answer = send(head, false);

    awaitClosed(1);
    assertThat(ends.connections.get(0).wireBytesIn()).isEqualTo(head.length());
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
  }

  @Test
  void traceparent_isCurrentInTheHandlerAndInAsynchronousDispatches() throws Exception {
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    ServletContextHandler context = new ServletContextHandler("/app");
    ServletHolder holder = new ServletHolder(new TwiceDispatched(seen));
    holder.setAsyncSupported(true);
    context.addServlet(holder, "/twice/*");
    start(context);

    String answer =
        send(
            "GET /app/twice/1?q=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: "
                + TRACEPARENT
                + "\r\n\r\n",
            false);

    assertThat(answer).startsWith("HTTP/1.1 200");
    awaitClosed(1);
    Exchange request = ends.requests.get(0);
    assertThat(request.span().traceparent()).contains(TRACE_ID).isNotEqualTo(TRACEPARENT);
    assertThat(seen).hasSize(2).containsOnly(request.span());
    assertThat(request.route()).isEqualTo("/app/twice/*");
    assertThat(request.path()).isEqualTo("/app/twice/1");
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void lateTaskOfAnEarlierRequest_doesNotWorkInTheNextOne() throws Exception {
    AtomicReference<@Nullable Request> first = new AtomicReference<>();
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    ContextHandler context = new ContextHandler("/app");
    context.setHandler(
        new Handler.Abstract() {
          @Override
          public boolean handle(Request request, Response response, Callback callback)
              throws InterruptedException {
            if (!first.compareAndSet(null, request)) {
              Runnable task = () -> seen.add(TraceContext.current());
              Thread late = new Thread(() -> context.getContext().run(task, first.get()));
              late.start();
              late.join();
            }
            callback.succeeded();
            return true;
          }
        });
    start(context);

    String second = "GET /app/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    String answers = send("GET /app/1 HTTP/1.1\r\nHost: x\r\n\r\n" + second, false);

    assertThat(answers).contains("HTTP/1.1 200").endsWith("\r\n\r\n");
    awaitClosed(1);
    assertThat(ends.requests).hasSize(2);
    assertThat(seen).containsExactly((Span) null);
  }

  @Test
  void applicationFailure_isKeptBesideTheAnswer() throws Exception {
    IllegalStateException failure = new IllegalStateException("on purpose");
    start(
        new Handler.Abstract() {
          @Override
          public boolean handle(Request request, Response response, Callback callback) {
            if (Request.getPathInContext(request).equals("/throw")) {
              throw failure;
            }
            callback.failed(failure);
            return true;
          }
        });

    String thrown = send("GET /throw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    String failed = send("GET /fail HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

    assertThat(thrown).startsWith("HTTP/1.1 500");
    assertThat(failed).startsWith("HTTP/1.1 500");
    awaitClosed(2);
    assertThat(ends.requests)
        .hasSize(2)
        .allSatisfy(
            request -> {
              assertThat(request.error()).isSameAs(failure);
              assertThat(request.status()).isEqualTo(500);
              assertThat(request.bytesOut()).as("the error page").isPositive();
              assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
            });
  }

  @Test
  void requestLogOfTheApplication_isStillStartedCalledAndStopped() throws Exception {
    CountingLog log = new CountingLog();
    server.setRequestLog(log);
    start(new Answering());

    String unused = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

    assertThat(log.isStarted()).isTrue();
    await().until(() -> log.lines.get() == 1);
    server.stop();
    assertThat(log.isStopped()).isTrue();
  }

  @Test
  void restart_observesEveryRequestOnce() throws Exception {
    start(new Answering());
    String unusedFirst = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    awaitClosed(1);
    server.stop();
    server.start();

    String unusedSecond = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

    awaitClosed(2);
    assertThat(ends.requests).hasSize(2);
    assertThat(ends.connections.get(1).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void restart_observesWhatTheApplicationHasReplaced() throws Exception {
    CountingLog first = new CountingLog();
    server.setRequestLog(first);
    start(new Answering());
    server.stop();
    CountingLog second = new CountingLog();
    server.setHandler(new Answering());
    server.setRequestLog(second);
    server.start();

    String good = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    String bad = send("THIS IS NOT HTTP\r\n\r\n", false);

    assertThat(good).startsWith("HTTP/1.1 200");
    assertThat(bad).contains(" 400 ");
    awaitClosed(2);
    assertThat(ends.requests)
        .extracting(Exchange::outcome)
        .containsExactly(Outcome.COMPLETED, Outcome.REJECTED);
    await().until(() -> second.lines.get() == 2);
    assertThat(second.isStarted()).isTrue();
    assertThat(first.lines).hasValue(0);
    assertThat(first.isStarted()).isFalse();
  }

  @Test
  void restart_observesOnceWhatTheApplicationHasWrapped() throws Exception {
    start(new Answering());
    server.stop();
    CountingLog added = new CountingLog();
    server.setRequestLog(new RequestLog.Collection(server.getRequestLog(), added));
    server.setHandler(new Handler.Wrapper(server.getHandler()));
    server.start();

    String unusedGood = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    String unusedBad = send("THIS IS NOT HTTP\r\n\r\n", false);

    awaitClosed(2);
    assertThat(ends.requests)
        .extracting(Exchange::outcome)
        .containsExactly(Outcome.COMPLETED, Outcome.REJECTED);
    await().until(() -> added.lines.get() == 2);
  }

  @Test
  void connectorOfARunningServer_isObserved() throws Exception {
    start(new Answering());
    ServerConnector late = observed();
    late.start();
    try {
      String unused = send(late, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

      awaitClosed(1);
      assertThat(ends.requests).hasSize(1);
      assertThat(ends.connections.get(0).wireBytesOut()).isPositive();
    } finally {
      late.stop();
    }
  }

  @Test
  void secondBean_changesNothing() throws Exception {
    server.addBean(SondeJetty.on(ends::listener));
    start(new Answering());

    String unused = send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);

    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
    assertThat(ends.scopes).hasSize(1);
    assertThat(server.getDescendants(ObservingHandler.class)).hasSize(1);
  }

  @Test
  void startedServer_refusesTheBean() throws Exception {
    Server started = new Server();
    started.start();
    try {
      assertThatThrownBy(() -> started.addBean(SondeJetty.on(ends::listener)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("before the server starts");
    } finally {
      started.stop();
    }
  }

  private void start(Handler handler) throws Exception {
    server.setHandler(handler);
    server.start();
  }

  private ServerConnector observed() {
    ServerConnector made = SondeJetty.connector(server, ends::listener);
    made.setHost("127.0.0.1");
    server.addConnector(made);
    return made;
  }

  private String send(String request, boolean isHalfClosed) throws IOException {
    return send(connector, request, isHalfClosed);
  }

  private static String send(ServerConnector connector, String request, boolean isHalfClosed)
      throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      if (isHalfClosed) {
        socket.shutdownOutput();
      }
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  private void awaitClosed(int connections) {
    await().until(() -> ends.connections.size() == connections);
  }

  /** Says hello. */
  private static final class Answering extends Handler.Abstract {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      response.write(true, ByteBuffer.wrap("hello".getBytes(ISO_8859_1)), callback);
      return true;
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

  /** A request log with a life of its own. */
  private static final class CountingLog extends AbstractLifeCycle implements RequestLog {
    final AtomicInteger lines = new AtomicInteger();

    @Override
    public void log(Request request, Response response) {
      lines.incrementAndGet();
    }
  }
}
