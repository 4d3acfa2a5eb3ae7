// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Exchange;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.Undertow.ListenerBuilder;
import io.undertow.Undertow.ListenerType;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.BlockingHandler;
import io.undertow.server.handlers.GracefulShutdownHandler;
import io.undertow.server.handlers.encoding.ContentEncodingRepository;
import io.undertow.server.handlers.encoding.EncodingHandler;
import io.undertow.server.handlers.encoding.GzipEncodingProvider;
import io.undertow.server.handlers.resource.PathResourceManager;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.servlet.util.ImmediateInstanceFactory;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;

@Timeout(30)
final class SondeUndertowIT {
  private static final Logger UNDERTOW = Logger.getLogger("io.undertow");
  private static final String TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String TRACEPARENT = "00-" + TRACE_ID + "-00f067aa0ba902b7-01";
  private static final int FILE_BYTES = 3_000_000;

  private RecordingOutlet ends = new RecordingOutlet();
  private @Nullable Undertow started;

  @TempDir private Path directory;

  @BeforeEach
  void quieten() {
    UNDERTOW.setLevel(Level.OFF);
  }

  @AfterEach
  void stop() {
    if (started != null) {
      started.stop();
    }
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void wireBytes_countBothDirections() throws Exception {
    start(exchange -> exchange.getResponseSender().send("hello"));
    String head = head("/some/thing");

    String answer = send(head);

    awaitClosed(1);
    assertThat(answer).startsWith("HTTP/1.1 200").endsWith("hello");
    assertThat(ends.connections.get(0).wireBytesIn()).isEqualTo(head.length());
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(ends.routes.get(0)).isNull();
  }

  @Test
  void fileTransfer_staysOneAndIsCountedToItsEnd() throws Exception {
    serveFile(FILE_BYTES);

    String first = "GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n";
    String answer = send(first + head("/large.bin"));

    awaitClosed(1);
    assertThat(answer.length()).isGreaterThan(2 * FILE_BYTES);
    assertThat(ends.requests)
        .hasSize(2)
        .allSatisfy(
            request -> {
              assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
              assertThat(request.status()).isEqualTo(200);
            });
    assertThat(ends.bodyBytes).containsExactly((long) FILE_BYTES, (long) FILE_BYTES);
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
  }

  @Test
  void fileTransferCutByTheClient_isADisconnect() throws Exception {
    serveFile(20 * FILE_BYTES);

    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.setSoLinger(true, 0);
      socket.getOutputStream().write(head("/large.bin").getBytes(ISO_8859_1));
      assertThat(socket.getInputStream().readNBytes(1000)).hasSize(1000);
    }

    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.CLIENT_ABORT_DURING_BODY);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.CLIENT_DISCONNECT);
  }

  @Test
  void compression_countsWhatWasSent() throws Exception {
    start(
        new EncodingHandler(
            exchange -> exchange.getResponseSender().send("x".repeat(100_000)),
            new ContentEncodingRepository()
                .addEncodingHandler("gzip", new GzipEncodingProvider(), 50)));

    String unused = send(head("/").replace("\r\n\r\n", "\r\nAccept-Encoding: gzip\r\n\r\n"));

    awaitClosed(1);
    assertThat(ends.bodyBytes.get(0)).isBetween(50L, 5_000L);
  }

  @Test
  void responseShorterThanAnnounced_isTheApplicationsFailure() throws Exception {
    start(
        new BlockingHandler(
            exchange -> {
              exchange.setResponseContentLength(10_000);
              exchange.getOutputStream().write("short".getBytes(ISO_8859_1));
              exchange.getOutputStream().flush();
            }));

    String unused = send(head("/"));

    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.APP_ERROR);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.ERROR);
  }

  @Test
  void bodyOfARequest_isCounted() throws Exception {
    start(
        new BlockingHandler(
            exchange -> {
              int length = exchange.getInputStream().readAllBytes().length;
              exchange.getResponseSender().send("read " + length);
            }));

    String answer =
        send(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"
                + "b".repeat(1000));

    awaitClosed(1);
    assertThat(answer).endsWith("read 1000");
    assertThat(ends.requests.get(0).bytesIn()).isEqualTo(1000);
  }

  @Test
  void routes_ofTemplatesBehindAPrefixAndOfTheApplication() throws Exception {
    start(
        Handlers.path()
            .addPrefixPath("/api", Handlers.pathTemplate().add("/users/{id}", exchange -> {}))
            .addExactPath(
                "/named", exchange -> SondeUndertow.route(exchange, "/by/{application}")));

    for (String path : List.of("/api/users/42", "/named", "/nowhere")) {
      String unused = sendAlone(head(path));
    }

    assertThat(ends.routes).containsExactly("/api/users/{id}", "/by/{application}", null);
  }

  @Test
  void span_isCurrentOnTheIoThreadAndInDispatches() throws Exception {
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    HttpHandler second =
        exchange -> {
          seen.add(TraceContext.current());
          exchange.endExchange();
        };
    HttpHandler first =
        exchange -> {
          seen.add(TraceContext.current());
          exchange.dispatch(second);
        };
    start(
        exchange -> {
          seen.add(TraceContext.current());
          exchange.dispatch(first);
        });

    String unused =
        send(head("/").replace("\r\n\r\n", "\r\ntraceparent: " + TRACEPARENT + "\r\n\r\n"));

    awaitClosed(1);
    assertThat(seen)
        .hasSize(3)
        .allSatisfy(
            span -> assertThat(Objects.requireNonNull(span).traceparent()).contains(TRACE_ID));
    assertThat(ends.requests.get(0).span()).isEqualTo(seen.get(0));
  }

  @Test
  void servlets_tellRouteFailureAndAsynchronousEnd() throws Exception {
    DeploymentInfo deployment =
        Servlets.deployment()
            .setClassLoader(SondeUndertowIT.class.getClassLoader())
            .setContextPath("/app")
            .setDeploymentName("app")
            .addErrorPage(Servlets.errorPage("/shop/error", IllegalStateException.class))
            .addServlet(
                Servlets.servlet("shop", Shop.class, new ImmediateInstanceFactory<>(new Shop()))
                    .setAsyncSupported(true)
                    .addMapping("/shop/*"));
    DeploymentManager manager = Servlets.defaultContainer().addDeployment(deployment);
    manager.deploy();
    start(Handlers.path().addPrefixPath("/app", manager.start()));

    String plain = sendAlone(head("/app/shop/plain"));
    String named = sendAlone(head("/app/shop/named"));
    String async = sendAlone(head("/app/shop/async"));
    String failing = sendAlone(head("/app/shop/throw"));
    String missing = sendAlone(head("/app/nowhere"));

    assertThat(List.of(plain, named, async))
        .allSatisfy(answer -> assertThat(answer).contains("hello"));
    assertThat(failing).startsWith("HTTP/1.1 500");
    assertThat(missing).startsWith("HTTP/1.1 404");
    assertThat(ends.routes)
        .containsExactly("/app/shop/*", "/products/{id}", "/app/shop/*", "/app/shop/*", null);
    assertThat(ends.requests).extracting(Exchange::status).containsExactly(200, 200, 200, 500, 404);
    assertThat(ends.errors.get(3)).isInstanceOf(IllegalStateException.class);
    manager.stop();
  }

  @Test
  void wrapperThatThrowsOfItsAttributes_losesNoRequest() throws Exception {
    Filter wrapping =
        (request, response, chain) ->
            chain.doFilter(new Untold((HttpServletRequest) request), response);
    DeploymentInfo deployment =
        Servlets.deployment()
            .setClassLoader(SondeUndertowIT.class.getClassLoader())
            .setContextPath("/app")
            .setDeploymentName("wrapped")
            .addFilter(
                Servlets.filter("wrapping", Filter.class, new ImmediateInstanceFactory<>(wrapping)))
            .addFilterUrlMapping("wrapping", "/*", DispatcherType.REQUEST)
            .addServlet(
                Servlets.servlet("shop", Shop.class, new ImmediateInstanceFactory<>(new Shop()))
                    .addMapping("/shop/*"));
    DeploymentManager manager = Servlets.defaultContainer().addDeployment(deployment);
    manager.deploy();
    start(Handlers.path().addPrefixPath("/app", manager.start()));

    String answer = send("GET /app/shop/closed HTTP/1.1\r\nHost: x\r\n\r\n" + head("/elsewhere"));

    awaitClosed(1);
    assertThat(answer).startsWith("HTTP/1.1 200").contains("hello", "HTTP/1.1 404");
    assertThat(ends.requests).extracting(Exchange::status).containsExactly(200, 404);
    assertThat(ends.requests)
        .allSatisfy(request -> assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED));
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(ends.scopes.get(0).firstFault()).hasMessage("not told on purpose");
    ends.scopes.clear();
    manager.stop();
  }

  @Test
  void requestsOfOneExchange_eachTellTheirOwn() throws Exception {
    ends = new RecordingOutlet(/* tellsEveryStart= */ false);
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    IllegalStateException failure = new IllegalStateException("the handler fails on purpose");
    HttpHandler answering =
        exchange -> {
          seen.add(TraceContext.current());
          SondeUndertow.route(exchange, "/answered");
          exchange.getResponseSender().send("hello");
        };
    start(
        Handlers.path()
            .addExactPath("/plain", answering)
            .addExactPath(
                "/failing",
                exchange -> {
                  seen.add(TraceContext.current());
                  throw failure;
                })
            .addExactPath("/dispatched", exchange -> exchange.dispatch(answering))
            .addExactPath(
                "/posted",
                new BlockingHandler(
                    exchange -> {
                      seen.add(TraceContext.current());
                      exchange.setStatusCode(201);
                      exchange.getResponseSender().send(new String(body(exchange), ISO_8859_1));
                    })));

    try (RawHttpClient client = RawHttpClient.connect(port())) {
      for (String path : List.of("/plain", "/failing", "/dispatched", "/plain")) {
        assertThat(client.get(path).status()).isEqualTo(path.equals("/failing") ? 500 : 200);
      }
      client.send(RawHttpClient.request("POST", "/posted", "Content-Length: 3") + "abc");
      assertThat(client.read().text()).isEqualTo("abc");
      assertThat(client.get("/plain").text()).isEqualTo("hello");
    }

    await().until(() -> ends.spans.size() == 6);
    assertThat(ends.requests.get(1)).isSameAs(ends.requests.get(0));
    assertThat(ends.requests.get(2)).isSameAs(ends.requests.get(0));
    assertThat(ends.statuses).containsExactly(200, 500, 200, 200, 201, 200);
    assertThat(ends.routes)
        .containsExactly("/answered", null, "/answered", "/answered", null, "/answered");
    assertThat(ends.bodyBytes).containsExactly(5L, 0L, 5L, 5L, 3L, 5L);
    assertThat(ends.bytesIn).containsExactly(0L, 0L, 0L, 0L, 3L, 0L);
    assertThat(ends.errors).containsExactly(null, failure, null, null, null, null);
    assertThat(ends.spans).isEqualTo(seen).doesNotContainNull().doesNotHaveDuplicates();
  }

  @Test
  void responseEndedByAnotherThread_leavesTheExchangeToTheHandlerThatStillRuns()
      throws IOException, InterruptedException {
    ends = new RecordingOutlet(/* tellsEveryStart= */ false);
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    CountDownLatch isNextServed = new CountDownLatch(1);
    CountDownLatch isReturning = new CountDownLatch(1);
    HttpHandler lingering =
        exchange -> {
          seen.add(TraceContext.current());
          Thread other = new Thread(() -> exchange.getResponseSender().send("hello"));
          other.start();
          other.join();
          isNextServed.await();
          seen.add(TraceContext.current());
          isReturning.countDown();
        };
    start(
        Handlers.path()
            .addExactPath("/lingering", exchange -> exchange.dispatch(lingering))
            .addExactPath(
                "/next",
                exchange -> {
                  seen.add(TraceContext.current());
                  SondeUndertow.route(exchange, "/next");
                  exchange.setStatusCode(202);
                  exchange.getResponseSender().send("hi");
                }));

    try (RawHttpClient client = RawHttpClient.connect(port())) {
      assertThat(client.get("/lingering").text()).isEqualTo("hello");
      assertThat(client.get("/next").text()).isEqualTo("hi");
      isNextServed.countDown();
      isReturning.await();
      assertThat(client.get("/next").text()).isEqualTo("hi");
    }

    await().until(() -> ends.spans.size() == 3);
    assertThat(ends.requests.get(1)).isNotSameAs(ends.requests.get(0));
    assertThat(ends.requests.get(2)).isSameAs(ends.requests.get(1));
    assertThat(ends.statuses).containsExactly(200, 202, 202);
    assertThat(ends.routes).containsExactly(null, "/next", "/next");
    assertThat(ends.bodyBytes).containsExactly(5L, 2L, 2L);
    assertThat(seen)
        .containsExactly(ends.spans.get(0), ends.spans.get(1), ends.spans.get(0), ends.spans.get(2))
        .doesNotContainNull();
  }

  @Test
  void workThatComesAfterTheEnd_doesNotGetTheNextRequest() throws Exception {
    ends = new RecordingOutlet(/* tellsEveryStart= */ false);
    BlockingQueue<Executor> kept = new LinkedBlockingQueue<>();
    List<Boolean> hasSpan = new CopyOnWriteArrayList<>();
    start(
        Handlers.path()
            .addExactPath(
                "/first",
                exchange -> {
                  kept.add(exchange.getDispatchExecutor());
                  exchange.getResponseSender().send("hello");
                })
            .addExactPath(
                "/second",
                exchange -> {
                  CountDownLatch isDone = new CountDownLatch(1);
                  kept.remove()
                      .execute(
                          () -> {
                            hasSpan.add(TraceContext.current() != null);
                            isDone.countDown();
                          });
                  isDone.await();
                  exchange.getResponseSender().send("hi");
                }));

    try (RawHttpClient client = RawHttpClient.connect(port())) {
      assertThat(client.get("/first").text()).isEqualTo("hello");
      assertThat(client.get("/second").text()).isEqualTo("hi");
    }

    await().until(() -> ends.spans.size() == 2);
    assertThat(ends.requests.get(1)).isSameAs(ends.requests.get(0));
    assertThat(hasSpan).containsExactly(false);
    assertThat(ends.bodyBytes).containsExactly(5L, 2L);
  }

  @Test
  void upgradedConnection_isTheApplications() throws Exception {
    start(exchange -> exchange.upgradeChannel(SondeUndertowIT::echo));

    tunnel("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", 101);

    assertThat(ends.connections.get(0).protocol()).isEqualTo(Protocol.UNKNOWN);
  }

  @Test
  void acceptedConnect_isATunnel() throws Exception {
    start(exchange -> exchange.acceptConnectRequest(SondeUndertowIT::echo));

    tunnel("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 200);

    assertThat(ends.connections.get(0).protocol()).isEqualTo(Protocol.H1);
  }

  @Test
  void gracefulStop_letsTheResponseOut() throws IOException, InterruptedException {
    CountDownLatch isEntered = new CountDownLatch(1);
    CountDownLatch isOpen = new CountDownLatch(1);
    GracefulShutdownHandler graceful =
        Handlers.gracefulShutdown(
            new BlockingHandler(
                exchange -> {
                  isEntered.countDown();
                  isOpen.await();
                  exchange.getResponseSender().send("late");
                }));
    Undertow server = start(graceful);

    try (RawHttpClient client = RawHttpClient.connect(port())) {
      client.send(RawHttpClient.request("GET", "/"));
      isEntered.await();
      graceful.shutdown();
      isOpen.countDown();
      assertThat(client.read().text()).isEqualTo("late");
      graceful.awaitShutdown();
      await().until(() -> ends.requests.size() == 1);
      server.stop();
      awaitClosed(1);
    }

    assertThat(ends.requests.get(0).status()).isEqualTo(200);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.SERVER_SHUTDOWN);
  }

  @Test
  void proxiedListener_isLeftAsItIs() throws Exception {
    Undertow server =
        Undertow.builder()
            .addListener(
                new ListenerBuilder()
                    .setType(ListenerType.HTTP)
                    .setHost("127.0.0.1")
                    .setPort(0)
                    .setUseProxyProtocol(true))
            .setHandler(exchange -> exchange.getResponseSender().send("hello"))
            .build();
    server.start();
    started = server;
    SondeUndertow.observe(server, ends::listener);

    String answer = send("PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n" + head("/"));

    assertThat(answer).endsWith("hello");
    assertThat(ends.scopes).isEmpty();
  }

  @Test
  void observe_needsAStartedServerAndIsDoneOnce() {
    Undertow server = Undertow.builder().addHttpListener(0, "127.0.0.1", exchange -> {}).build();
    assertThatThrownBy(() -> SondeUndertow.observe(server, ends::listener))
        .isInstanceOf(IllegalStateException.class);

    server.start();
    started = server;
    SondeUndertow.observe(server, ends::listener);

    assertThatThrownBy(() -> SondeUndertow.observe(server, ends::listener))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("already");
    assertThat(ends.scopes).hasSize(1);
  }

  private static byte[] body(HttpServerExchange exchange) throws IOException {
    return exchange.getInputStream().readAllBytes();
  }

  private Undertow start(HttpHandler handler) {
    Undertow server = Undertow.builder().addHttpListener(0, "127.0.0.1", handler).build();
    server.start();
    started = server;
    SondeUndertow.observe(server, ends::listener);
    return server;
  }

  private void serveFile(int bytes) throws IOException {
    Files.write(directory.resolve("large.bin"), new byte[bytes]);
    // Files from 1 KiB on go from channel to channel.
    start(Handlers.resource(new PathResourceManager(directory, 1024)));
  }

  private int port() {
    Undertow server = Objects.requireNonNull(started);
    return ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort();
  }

  private static String head(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  }

  private String send(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  /** Tunnels what would end or change a connection of HTTP. */
  private void tunnel(String head, int status) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.getOutputStream().write(head.getBytes(ISO_8859_1));
      StringBuilder answer = new StringBuilder();
      while (answer.indexOf("\r\n\r\n") < 0) {
        answer.append((char) socket.getInputStream().read());
      }
      assertThat(answer).startsWith("HTTP/1.1 " + status);
      for (String text : List.of("HTTP/1.1 400 Bad Request\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n")) {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
        assertThat(socket.getInputStream().readNBytes(text.length()))
            .isEqualTo(text.getBytes(ISO_8859_1));
      }
    }
    awaitClosed(1);
    assertThat(ends.requests).extracting(Exchange::status).containsExactly(status);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  private static void echo(StreamConnection stream, HttpServerExchange ignored) {
    ByteBuffer bytes = ByteBuffer.allocate(1000);
    stream
        .getSourceChannel()
        .setReadListener(
            source -> {
              try {
                int count = source.read(bytes.clear());
                bytes.flip();
                while (bytes.hasRemaining()) {
                  stream.getSinkChannel().write(bytes);
                }
                if (count < 0) {
                  stream.close();
                }
              } catch (IOException e) {
                IoUtils.safeClose(stream);
              }
            });
    stream.getSourceChannel().resumeReads();
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

  /** A wrapper with a failure of its own. */
  private static final class Untold extends HttpServletRequestWrapper {
    Untold(HttpServletRequest request) {
      super(request);
    }

    @Override
    public Object getAttribute(String name) {
      throw new IllegalStateException("not told on purpose");
    }
  }

  /** Answers at once, later, or not at all. */
  private static final class Shop extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      switch (request.getPathInfo()) {
        case "/throw" -> throw new IllegalStateException("the shop fails on purpose");
        case "/async" -> {
          AsyncContext later = request.startAsync();
          later.start(
              () -> {
                try {
                  later.getResponse().getOutputStream().print("hello");
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                }
                later.complete();
              });
        }
        case "/closed" -> {
          response.getOutputStream().print("hello");
          response.getOutputStream().close();
        }
        case "/named" -> {
          request.setAttribute(SondeUndertow.ROUTE_ATTRIBUTE, "/products/{id}");
          response.getOutputStream().print("hello");
        }
        default -> response.getOutputStream().print("hello");
      }
    }
  }
}
