// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.grpc.SondeGrpc;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.capture.netty.SondeNetty;
import dev.sonde.event.Protocol;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.ByteArrayEndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.LocalConnector;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What observing a request costs a server, its parser and a small answer included, on the calling
 * thread and without a socket.
 *
 * <p>The adapter's own part is what {@code observed} adds to {@code bare} beyond {@link #core}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
@State(Scope.Thread)
public class AdapterBenchmark {
  private static final byte[] REQUEST =
      "GET /hello HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".getBytes(US_ASCII);

  /** Who watches. */
  @State(Scope.Thread)
  public static class Watch {
    /** Whether the server is watched: not, by a Sonde that is off, by one that is on. */
    @Param({"bare", "disabled", "observed"})
    public String watched = "bare";

    private @Nullable Sonde sonde;

    /** Returns the observer, or null if there is to be none. */
    @Nullable Sonde start() {
      if (!watched.equals("bare")) {
        sonde = Sonde.start(SondeConfig.builder().enabled(watched.equals("observed")).build());
      }
      return sonde;
    }

    /** Stops it. */
    @TearDown
    public void stop() {
      if (sonde != null) {
        sonde.close();
      }
    }
  }

  /** A keep-alive connection of Netty: its codec and a handler. */
  @State(Scope.Thread)
  public static class NettyConnection {
    private final ByteBuf request = Unpooled.directBuffer().writeBytes(REQUEST);
    private final EmbeddedChannel channel =
        new EmbeddedChannel(new HttpServerCodec(), new Answering());

    /** Puts the observer on it. */
    @Setup
    public void observe(Watch watch) {
      Sonde sonde = watch.start();
      if (sonde != null) {
        SondeNetty.observe(sonde, channel);
      }
    }

    /** Closes it. */
    @TearDown
    public void close() {
      boolean unused = channel.finishAndReleaseAll();
    }
  }

  /**
   * A keep-alive connection of Jetty: its whole server on a connector of the JVM, so watched by
   * {@link SondeJetty#on}.
   */
  @State(Scope.Thread)
  public static class JettyConnection {
    private final Server server = new Server();
    private final Inline executor = new Inline();
    private final LocalConnector connector =
        new LocalConnector(server, executor, null, null, 1, new HttpConnectionFactory());
    private final ByteBuffer request = ByteBuffer.wrap(REQUEST);
    private ByteArrayEndPoint endPoint = new ByteArrayEndPoint();

    /** Starts the server and connects. */
    @Setup
    public void connect(Watch watch) throws Exception {
      server.addConnector(connector);
      server.setHandler(new Hello());
      Sonde sonde = watch.start();
      if (sonde != null) {
        server.addBean(SondeJetty.on(sonde));
      }
      server.start();
      endPoint = connector.connect();
      while (!endPoint.isFillInterested()) {
        Thread.onSpinWait();
      }
      executor.started();
    }

    /** Stops the server. */
    @TearDown
    public void stop() throws Exception {
      server.stop();
    }
  }

  /** A channel to a gRPC server of the same JVM, all of it on the calling thread. */
  @State(Scope.Thread)
  public static class GrpcChannel {
    private static final MethodDescriptor<byte[], byte[]> HELLO =
        MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodType.UNARY)
            .setFullMethodName("benchmark.Greeter/Hello")
            .setRequestMarshaller(new Bytes())
            .setResponseMarshaller(new Bytes())
            .build();

    private final InProcessServerBuilder builder =
        InProcessServerBuilder.forName("benchmark")
            .directExecutor()
            .addService(
                ServerServiceDefinition.builder("benchmark.Greeter")
                    .addMethod(HELLO, ServerCalls.asyncUnaryCall(GrpcChannel::greet))
                    .build());
    private final ManagedChannel channel =
        InProcessChannelBuilder.forName("benchmark").directExecutor().build();
    private final byte[] request = "hello".getBytes(US_ASCII);
    private io.grpc.@Nullable Server server;

    private static void greet(byte[] name, StreamObserver<byte[]> client) {
      client.onNext(name);
      client.onCompleted();
    }

    /** Starts the server. */
    @Setup
    public void start(Watch watch) throws IOException {
      Sonde sonde = watch.start();
      server = (sonde == null ? builder : SondeGrpc.observe(builder, sonde)).build().start();
    }

    /** Ends the channel, then the server. */
    @TearDown
    public void stop() {
      channel.shutdownNow();
      if (server != null) {
        server.shutdownNow();
      }
    }
  }

  /** A request of a connection, as an adapter reports it. */
  @State(Scope.Thread)
  public static class Reported {
    private final Sonde sonde = Sonde.start(SondeConfig.builder().build());
    private final ConnectionState connection =
        sonde
            .listener("benchmark", EnumSet.allOf(Capability.class))
            .opened(0, null, null, Protocol.H1, false, System.nanoTime());

    /** Stops the observer. */
    @TearDown
    public void close() {
      sonde.close();
    }
  }

  /** One request through the pipeline, and its answer out of it. */
  @Benchmark
  public int netty(NettyConnection connection) {
    boolean unusedIn = connection.channel.writeInbound(connection.request.retainedDuplicate());
    int bytes = 0;
    for (Object out; (out = connection.channel.readOutbound()) != null; ) {
      bytes += ((ByteBuf) out).readableBytes();
      boolean unused = ReferenceCountUtil.release(out);
    }
    return bytes;
  }

  /** One request into the endpoint, and its answer out of it. */
  @Benchmark
  public int jetty(JettyConnection connection) {
    connection.endPoint.addInputAndExecute(connection.request.slice());
    int bytes = connection.endPoint.takeOutput().remaining();
    if (bytes == 0) {
      throw new IllegalStateException("not answered");
    }
    return bytes;
  }

  /** One call and its answer. */
  @Benchmark
  public byte[] grpc(GrpcChannel connection) {
    return ClientCalls.blockingUnaryCall(
        connection.channel, GrpcChannel.HELLO, CallOptions.DEFAULT, connection.request);
  }

  /** What the core takes for such a request, both clock readings included. */
  @Benchmark
  public long core(Reported reported) {
    Exchange exchange =
        reported.connection.begin(0, 0, "GET", "/hello", "HTTP/1.1", System.nanoTime());
    exchange.committedWithEnd(200);
    exchange.completed(200, 5, System.nanoTime());
    exchange.release();
    return exchange.id();
  }

  private static final class Bytes implements Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] message) {
      return new ByteArrayInputStream(message);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Says hello at the end of each request. */
  private static final class Answering extends ChannelInboundHandlerAdapter {
    private final ByteBuf hello = Unpooled.directBuffer().writeBytes("hello".getBytes(US_ASCII));

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // there is no socket to fail
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
      if (msg instanceof LastHttpContent) {
        FullHttpResponse response =
            new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.OK, hello.retainedDuplicate());
        response.headers().set(HttpHeaderNames.CONTENT_LENGTH, "5");
        ctx.writeAndFlush(response);
      }
      boolean unused = ReferenceCountUtil.release(msg);
    }
  }

  /** Has what waits for connections on a thread of its own, and all else where it is asked for. */
  private static final class Inline implements Executor {
    private volatile boolean isStarted;

    /** From now on tasks run on the thread that hands them over. */
    void started() {
      isStarted = true;
    }

    @Override
    public void execute(Runnable task) {
      if (isStarted) {
        task.run();
      } else {
        Thread thread = new Thread(task, "acceptor");
        thread.setDaemon(true);
        thread.start();
      }
    }
  }

  /** Says hello. */
  private static final class Hello extends Handler.Abstract.NonBlocking {
    private final ByteBuffer hello = ByteBuffer.wrap("hello".getBytes(US_ASCII));

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      response.getHeaders().put(HttpHeader.CONTENT_LENGTH, 5);
      response.write(true, hello.slice(), callback);
      return true;
    }
  }
}
