// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.tomcat.SondeTomcat;
import dev.sonde.digest.Hook;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
final class SondeFilterIT {
  private static final Logger TOMCAT = Logger.getLogger("org.apache");
  private static final EnumSet<DispatcherType> DISPATCHERS =
      EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC);
  private static final String TEXT = "h\u00e9llo \u20ac \ud83d\ude00";

  private final RecordingOutlet ends = new RecordingOutlet();
  private final Tomcat tomcat = new Tomcat();

  @TempDir private Path directory;

  @AfterEach
  void stop() throws Exception {
    tomcat.stop();
    tomcat.destroy();
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void request_isNotWatchedWhereAnAdapterWatchesTheServer() throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build())) {
      start(SondeTomcat.connector(sonde), context -> byName(context, sonde), new Answering());

      assertThat(send("/app/x")).endsWith(TEXT);

      assertThat(sonde.health().hooks()).extracting(Hook::name).noneMatch(SondeFilterIT::isFilter);
      tomcat.stop();
    }
  }

  @Test
  void filterByName_watchesForTheSondeOfItsContext() throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build())) {
      start(new Connector(), context -> byName(context, sonde), new Answering());

      assertThat(send("/app/x")).endsWith(TEXT);

      assertThat(sonde.health().hooks()).extracting(Hook::name).anyMatch(SondeFilterIT::isFilter);
      tomcat.stop();
    }
  }

  @Test
  void filterThatIsMetTwice_countsOnce() throws Exception {
    start(
        new Connector(),
        context -> {
          SondeFilter.install(context, filter(), true);
          context
              .addFilter("again", filter())
              .addMappingForUrlPatterns(DISPATCHERS, /* isMatchAfter= */ true, "/*");
        },
        new Answering());

    assertThat(send("/app/x")).endsWith(TEXT);

    awaitClosed();
    assertThat(ends.requests).hasSize(1);
    assertThat(ends.routes).containsExactly("/app/*");
  }

  @Test
  void writer_countsTheBytesOfItsCharacters() throws Exception {
    start(new Answering());

    assertThat(send("/app/x")).endsWith(TEXT);

    awaitClosed();
    assertThat(ends.bodyBytes).containsExactly((long) TEXT.getBytes(UTF_8).length);
  }

  @Test
  void asyncContext_countsWhatIsWrittenToItsOwnResponse() throws Exception {
    start(new AnsweringLater());

    assertThat(send("/app/x")).endsWith("later");

    awaitClosed();
    assertThat(ends.bodyBytes).containsExactly(5L);
  }

  @Test
  void asynchronousDispatch_isTheSameRequest() throws Exception {
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    start(new TwiceDispatched(seen));

    assertThat(send("/app/x")).startsWith("HTTP/1.1 200");

    awaitClosed();
    assertThat(ends.requests).hasSize(1);
    assertThat(seen).hasSize(2).containsOnly(ends.requests.get(0).span());
  }

  @Test
  void sendError_countsNoBytesAndTellsWhatFailed() throws Exception {
    IllegalStateException named = new IllegalStateException("on purpose");
    start(
        new HttpServlet() {
          @Override
          protected void doGet(HttpServletRequest request, HttpServletResponse response)
              throws IOException {
            request.setAttribute(SondeFilter.ERROR_ATTRIBUTE, named);
            request.setAttribute(SondeFilter.ROUTE_ATTRIBUTE, "/named/{id}");
            response.getOutputStream().print("dropped");
            response.sendError(503);
          }
        });

    assertThat(send("/app/x")).startsWith("HTTP/1.1 503");

    awaitClosed();
    assertThat(ends.requests).extracting(Exchange::status).containsExactly(503);
    assertThat(ends.bodyBytes).containsExactly(0L);
    assertThat(ends.errors).containsExactly(named);
    assertThat(ends.routes).containsExactly("/named/{id}");
  }

  @Test
  void containerOfServlet5_isWatchedByTheAddressesOfItsClients() throws Exception {
    start(
        new Connector(),
        context -> {
          var added = context.addFilter("old", new InServlet5(filter()));
          added.setAsyncSupported(true);
          added.addMappingForUrlPatterns(DISPATCHERS, /* isMatchAfter= */ false, "/*");
        },
        new Answering());

    int clientPort;
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      clientPort = socket.getLocalPort();
      String first = "GET /app/a HTTP/1.1\r\nHost: x\r\n\r\n";
      socket.getOutputStream().write((first + head("/app/b")).getBytes(ISO_8859_1));
      assertThat(socket.getInputStream().readAllBytes()).isNotEmpty();
    }

    awaitClosed();
    assertThat(ends.requests).hasSize(2);
    assertThat(ends.connections.get(0).clientPort()).isEqualTo(clientPort);
    assertThat(ends.connections.get(0).clientAddress()).isEqualTo("127.0.0.1");
    assertThat(ends.connections.get(0).requestsServed()).isEqualTo(2);
  }

  private SondeFilter filter() {
    return new SondeFilter(ends::listener, Duration.ofMinutes(1));
  }

  private static boolean isFilter(String hook) {
    return hook.startsWith("Servlet filter");
  }

  private static void byName(ServletContext context, Sonde sonde) {
    context.setAttribute(SondeFilter.SONDE_ATTRIBUTE, sonde);
    var added = context.addFilter("sonde", SondeFilter.class.getName());
    added.setAsyncSupported(true);
    added.addMappingForUrlPatterns(DISPATCHERS, /* isMatchAfter= */ false, "/*");
  }

  private void start(HttpServlet servlet) throws Exception {
    start(new Connector(), context -> SondeFilter.install(context, filter(), true), servlet);
  }

  private void start(Connector connector, Consumer<ServletContext> filters, HttpServlet servlet)
      throws Exception {
    TOMCAT.setLevel(Level.OFF);
    tomcat.setBaseDir(directory.toString());
    connector.setPort(0);
    connector.setThrowOnFailure(true);
    assertThat(connector.setProperty("address", "127.0.0.1")).isTrue();
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("/app", directory.toString());
    Tomcat.addServlet(context, "servlet", servlet).setAsyncSupported(true);
    context.addServletMapping("/*", "servlet");
    context.addServletContainerInitializer(
        (classes, application) -> filters.accept(application), null);
    tomcat.start();
  }

  private int port() {
    return tomcat.getConnector().getLocalPort();
  }

  private static String head(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  }

  private String send(String path) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
      socket.getOutputStream().write(head(path).getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), UTF_8);
    }
  }

  private void awaitClosed() {
    await().until(() -> ends.connections.size() == 1);
  }

  /** Writes characters that become one to four bytes. */
  private static final class Answering extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.setContentType("text/plain;charset=UTF-8");
      response.setContentLength(TEXT.getBytes(UTF_8).length);
      response.getWriter().print(TEXT);
    }
  }

  /** Answers in another thread, by what the container gives for that. */
  private static final class AnsweringLater extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      AsyncContext async = request.startAsync();
      Runnable task =
          () -> {
            try {
              async.getResponse().setContentLength(5);
              async.getResponse().getOutputStream().write("later".getBytes(ISO_8859_1));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
            async.complete();
          };
      new Thread(task, "later").start();
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
      seen.add(TraceContext.current());
      if (request.getDispatcherType() != DispatcherType.ASYNC) {
        AsyncContext async = request.startAsync();
        new Thread(async::dispatch, "dispatcher").start();
      }
    }
  }

  /** The filter as a container finds it that does not name connections. */
  private record InServlet5(SondeFilter filter) implements Filter {
    @Override
    public void init(FilterConfig config) {
      filter.init("container", 5);
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      filter.doFilter(request, response, chain);
    }

    @Override
    public void destroy() {
      filter.destroy();
    }
  }
}
