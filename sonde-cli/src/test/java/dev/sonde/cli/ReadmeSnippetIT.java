// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.stub.ClientCalls;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The README's snippet, compiled as it stands and run as a program of its own. */
final class ReadmeSnippetIT {
  private static final int REQUESTS = 10;

  private static final String JETTY =
      """
      import dev.sonde.*;
      import dev.sonde.capture.jetty.*;
      import dev.sonde.dashboard.*;
      import java.nio.ByteBuffer;
      import org.eclipse.jetty.server.*;
      import org.eclipse.jetty.util.Callback;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          Handler yourHandler = new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
              response.write(true, ByteBuffer.wrap("hello".getBytes()), callback);
              return true;
            }
          };
      %s
        }
      }
      """;

  private static final String JDK =
      """
      import com.sun.net.httpserver.*;
      import dev.sonde.*;
      import dev.sonde.capture.jdkhttp.*;
      import dev.sonde.dashboard.*;
      import java.net.InetSocketAddress;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          HttpHandler yourHandler = exchange -> {
            exchange.sendResponseHeaders(200, 5);
            exchange.getResponseBody().write("hello".getBytes());
            exchange.close();
          };
      %s
        }
      }
      """;

  private static final String NETTY =
      """
      import dev.sonde.*;
      import dev.sonde.capture.netty.*;
      import dev.sonde.dashboard.*;
      import io.netty.bootstrap.*;
      import io.netty.buffer.*;
      import io.netty.channel.*;
      import io.netty.channel.nio.*;
      import io.netty.channel.socket.nio.*;
      import io.netty.handler.codec.http.*;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          ChannelHandler yourInitializer = new ChannelInitializer<Channel>() {
            @Override
            protected void initChannel(Channel channel) {
              channel.pipeline().addLast(
                  new HttpServerCodec(),
                  new SimpleChannelInboundHandler<LastHttpContent>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, LastHttpContent end) {
                      FullHttpResponse hello =
                          new DefaultFullHttpResponse(
                              HttpVersion.HTTP_1_1,
                              HttpResponseStatus.OK,
                              Unpooled.wrappedBuffer("hello".getBytes()));
                      HttpUtil.setContentLength(hello, 5);
                      ctx.writeAndFlush(hello);
                    }
                  });
            }
          };
      %s
        }
      }
      """;

  private static final String TOMCAT =
      """
      import dev.sonde.*;
      import dev.sonde.capture.tomcat.*;
      import dev.sonde.dashboard.*;
      import jakarta.servlet.http.*;
      import java.io.IOException;
      import org.apache.catalina.*;
      import org.apache.catalina.connector.Connector;
      import org.apache.catalina.startup.Tomcat;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          try (Sonde sonde = Sonde.start(SondeConfig.load());
              Dashboard dashboard = Dashboard.start(sonde)) {
      %s
            tomcat.setBaseDir(System.getProperty("java.io.tmpdir"));
            Context context = tomcat.addContext("", null);
            Tomcat.addServlet(context, "hello", new HttpServlet() {
              @Override
              protected void doGet(HttpServletRequest request, HttpServletResponse response)
                  throws IOException {
                response.getWriter().print("hello");
              }
            });
            context.addServletMapping("/", "hello");
            tomcat.start();
            System.err.println("dashboard: " + dashboard.url());
            tomcat.getServer().await();
          }
        }
      }
      """;

  private static final String UNDERTOW =
      """
      import dev.sonde.*;
      import dev.sonde.capture.undertow.*;
      import dev.sonde.dashboard.*;
      import io.undertow.*;
      import io.undertow.server.*;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          HttpHandler yourHandler = exchange -> exchange.getResponseSender().send("hello");
          try (Sonde sonde = Sonde.start(SondeConfig.load());
              Dashboard dashboard = Dashboard.start(sonde)) {
      %s
            System.err.println("dashboard: " + dashboard.url());
            Thread.currentThread().join();
          }
        }
      }
      """;

  private static final String VERTX =
      """
      import dev.sonde.*;
      import dev.sonde.capture.vertx.*;
      import dev.sonde.dashboard.*;
      import io.vertx.core.*;
      import io.vertx.core.http.*;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          Handler<HttpServerRequest> yourHandler = request -> request.response().end("hello");
          try (Sonde sonde = Sonde.start(SondeConfig.load());
              Dashboard dashboard = Dashboard.start(sonde)) {
      %s
            System.err.println("dashboard: " + dashboard.url());
            Thread.currentThread().join();
          }
        }
      }
      """;

  private static final String REACTOR =
      """
      import dev.sonde.*;
      import dev.sonde.capture.reactor.*;
      import dev.sonde.dashboard.*;
      import java.util.function.BiFunction;
      import org.reactivestreams.Publisher;
      import reactor.core.publisher.Mono;
      import reactor.netty.DisposableServer;
      import reactor.netty.http.server.*;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          BiFunction<HttpServerRequest, HttpServerResponse, Publisher<Void>> yourHandler =
              (request, response) -> response.sendString(Mono.just("hello"));
      %s
        }
      }
      """;

  private static final String GRPC =
      """
      import dev.sonde.*;
      import dev.sonde.capture.grpc.*;
      import dev.sonde.dashboard.*;
      import io.grpc.*;
      import io.grpc.stub.*;
      import java.io.*;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          MethodDescriptor.Marshaller<InputStream> bytes = new MethodDescriptor.Marshaller<>() {
            @Override
            public InputStream stream(InputStream value) {
              return value;
            }

            @Override
            public InputStream parse(InputStream stream) {
              return InputStream.nullInputStream();
            }
          };
          MethodDescriptor<InputStream, InputStream> method =
              MethodDescriptor.<InputStream, InputStream>newBuilder()
                  .setType(MethodDescriptor.MethodType.UNARY)
                  .setFullMethodName("readme.Greeter/Greet")
                  .setRequestMarshaller(bytes)
                  .setResponseMarshaller(bytes)
                  .build();
          ServerServiceDefinition yourService =
              ServerServiceDefinition.builder("readme.Greeter")
                  .addMethod(method, ServerCalls.asyncUnaryCall((request, client) -> {
                    client.onNext(new ByteArrayInputStream("hello".getBytes()));
                    client.onCompleted();
                  }))
                  .build();
          try (Sonde sonde = Sonde.start(SondeConfig.load());
              Dashboard dashboard = Dashboard.start(sonde)) {
      %s
            System.err.println("dashboard: " + dashboard.url());
            server.awaitTermination();
          }
        }
      }
      """;

  private static final String SERVLET =
      """
      import dev.sonde.*;
      import dev.sonde.capture.servlet.*;
      import dev.sonde.dashboard.*;
      import jakarta.servlet.http.*;
      import java.io.IOException;
      import org.eclipse.jetty.ee10.servlet.*;
      import org.eclipse.jetty.server.Server;

      public class Snippet {
        public static void main(String[] args) throws Exception {
          try (Sonde sonde = Sonde.start(SondeConfig.load());
              Dashboard dashboard = Dashboard.start(sonde)) {
            ServletContextHandler context = new ServletContextHandler("/");
            context.addServlet(new ServletHolder(new HttpServlet() {
              @Override
              protected void doGet(HttpServletRequest request, HttpServletResponse response)
                  throws IOException {
                response.getWriter().print("hello");
              }
            }), "/");
            context.addServletContainerInitializer((classes, servletContext) -> {
      %s
            });
            Server server = new Server(8080);
            server.setHandler(context);
            server.start();
            System.err.println("dashboard: " + dashboard.url());
            server.join();
          }
        }
      }
      """;

  private static final String SPRING =
      """
      package snippet;

      import dev.sonde.spring.Profiled;
      import org.springframework.boot.SpringApplication;
      import org.springframework.boot.autoconfigure.SpringBootApplication;
      import org.springframework.web.bind.annotation.GetMapping;
      import org.springframework.web.bind.annotation.RestController;

      %s
      """;

  private static final Pattern DASHBOARD = Pattern.compile("\\bdashboard:? (http://\\S+)");

  private final HttpClient client = HttpClient.newHttpClient();

  static Stream<Arguments> snippets() {
    return Stream.of(
        Arguments.of("jetty", JETTY),
        Arguments.of("jdk", JDK),
        Arguments.of("netty", NETTY),
        Arguments.of("tomcat", TOMCAT),
        Arguments.of("undertow", UNDERTOW),
        Arguments.of("vertx", VERTX),
        Arguments.of("reactor", REACTOR),
        Arguments.of("grpc", GRPC),
        Arguments.of("servlet", SERVLET),
        Arguments.of("spring", SPRING));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("snippets")
  void snippet_showsTheRequestsOnTheDashboard(String name, String around, @TempDir Path dir)
      throws IOException, InterruptedException {
    int port = freePort();
    String program = around.formatted(snippet(name)).replace("8080", Integer.toString(port));
    String type = found("public class (\\w+)", program);
    Path source = dir.resolve(type + ".java");
    Files.writeString(source, program);
    int compiled =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-cp", classPath(), "-d", dir.toString(), source.toString());
    assertThat(compiled).isZero();

    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dsonde.dashboard.port=0",
                // Spring's own way to say it.
                "-Dserver.port=" + port,
                "-cp",
                dir + System.getProperty("path.separator") + classPath(),
                program.startsWith("package snippet;") ? "snippet." + type : type)
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
      URI dashboard = dashboard(output);
      for (int i = 0; i < REQUESTS; i++) {
        String answer =
            name.equals("grpc") ? greet(port) : get("http://127.0.0.1:" + port + "/", "");
        assertThat(answer).contains("hello");
      }
      String token = dashboard.getFragment().substring("t=".length());
      String metrics =
          get("http://" + dashboard.getAuthority() + "/metrics.json", "Bearer " + token);
      assertThat(found("\"count\"\\s*:\\s*(\\d+)", metrics)).isEqualTo(Integer.toString(REQUESTS));
    } finally {
      process.destroy();
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static String snippet(String name) throws IOException {
    String readme = Files.readString(Path.of("..", "README.md"));
    Matcher block =
        Pattern.compile("<!-- snippet:" + name + " -->\\s*```java\\n(.*?)```", Pattern.DOTALL)
            .matcher(readme);
    assertThat(block.find()).as("snippet " + name + " in the README").isTrue();
    return block.group(1);
  }

  private static String found(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertThat(matcher.find()).as(text).isTrue();
    return matcher.group(1);
  }

  private static URI dashboard(BufferedReader output) throws IOException {
    StringBuilder seen = new StringBuilder();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      seen.append(line).append('\n');
      Matcher address = DASHBOARD.matcher(line);
      if (address.find()) {
        return URI.create(address.group(1));
      }
    }
    throw new AssertionError("the snippet ended: " + seen);
  }

  private String get(String url, String authorization) throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
    if (!authorization.isEmpty()) {
      request.header("Authorization", authorization);
    }
    return client.send(request.build(), BodyHandlers.ofString()).body();
  }

  private static String greet(int port) {
    MethodDescriptor<String, String> method =
        MethodDescriptor.<String, String>newBuilder()
            .setType(MethodType.UNARY)
            .setFullMethodName("readme.Greeter/Greet")
            .setRequestMarshaller(new Text())
            .setResponseMarshaller(new Text())
            .build();
    ManagedChannel channel =
        Grpc.newChannelBuilderForAddress("127.0.0.1", port, InsecureChannelCredentials.create())
            .build();
    try {
      return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, "x");
    } finally {
      channel.shutdownNow();
    }
  }

  private static String classPath() {
    return System.getProperty("java.class.path");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Messages that are texts. */
  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
