// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultChannelPromise;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GenericFutureListener;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
@SuppressWarnings("FutureReturnValueIgnored") // events tell what became of it
final class SondeNettyIT {
  private static final String KEPT = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

  /** More bytes than the sockets of a {@link #slowClient} and its server hold. */
  private static final int BIG = 16 * 1024 * 1024;

  private static final String GET = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

  private final RecordingOutlet ends = new RecordingOutlet();
  private final EventLoopGroup loops = new NioEventLoopGroup(1);

  /** Netty looks for extensions once in a process; other tests need that it finds them. */
  @BeforeAll
  static void loadExtensions() {
    SondeNetty.observeAll(NettyWatch.NOTHING);
  }

  @AfterEach
  void stop() throws InterruptedException {
    loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    assertThat(ends.scopes).allSatisfy(scope -> assertThat(scope.firstFault()).isNull());
  }

  @Test
  void bareBuffers_countAsBody() throws IOException, InterruptedException {
    int port =
        start(
            (ctx, request) -> {
              ctx.write(head(11));
              ctx.write(Unpooled.copiedBuffer("hello", ISO_8859_1));
              ctx.write(Unpooled.copiedBuffer(" world", ISO_8859_1), ctx.voidPromise());
              ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT, ctx.voidPromise());
            });

    String answer = send(port, GET + "\r\n", "hello world".length());

    assertThat(answer).endsWith("hello world");
    awaitClosed(1);
    assertThat(ends.requests.get(0).bytesOut()).isEqualTo(11);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.connections.get(0).wireBytesIn()).isEqualTo(GET.length() + 2);
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
  }

  @Test
  void file_isSentAsAFileAndCounts(@TempDir Path dir) throws IOException, InterruptedException {
    Path file = Files.write(dir.resolve("file"), new byte[100_000]);
    int port =
        start(
            (ctx, request) -> {
              ctx.write(head(100_000));
              ctx.write(new DefaultFileRegion(file.toFile(), 0, 100_000));
              ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
            });

    String answer = send(port, GET + "\r\n", 100_000);

    assertThat(answer).hasSizeGreaterThan(100_000);
    awaitClosed(1);
    assertThat(ends.requests.get(0).bytesOut()).isEqualTo(100_000);
    assertThat(ends.connections.get(0).wireBytesOut()).isEqualTo(answer.length());
  }

  @Test
  void closeThatWaitsForTheLastWrite_leavesItComplete() throws IOException, InterruptedException {
    int port =
        start(
            (ctx, request) ->
                ctx.writeAndFlush(
                    hello(), ctx.newPromise().addListener(ChannelFutureListener.CLOSE)));

    String answer = send(port, GET + "\r\n", 0);

    assertThat(answer).endsWith("hello");
    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void readTimeout_isHeardBehindTheCodec() throws IOException, InterruptedException {
    int port = start((ctx, request) -> {}, new ReadTimeoutHandler(200, TimeUnit.MILLISECONDS));

    String answer = send(port, GET + "\r\n", 0);

    assertThat(answer).isEmpty();
    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.SERVER_TIMEOUT);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.TIMEOUT);
    assertThat(ends.connections.get(0).closeDetail()).isEqualTo("response_timeout");
  }

  @Test
  void whatTheApplicationSays_isKept() throws IOException, InterruptedException {
    IllegalStateException failure = new IllegalStateException("on purpose");
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    int port =
        start(
            (ctx, request) -> {
              seen.add(TraceContext.current());
              SondeNetty.route(ctx.channel(), "/{any}");
              SondeNetty.failed(ctx.channel(), failure);
              SondeNetty.closing(ctx.channel(), CloseHint.MAX_CONNECTIONS);
              ctx.writeAndFlush(hello());
            });
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

    String unused =
        send(port, GET + "traceparent: 00-" + traceId + "-00f067aa0ba902b7-01\r\n\r\n", 5);

    awaitClosed(1);
    Exchange request = ends.requests.get(0);
    assertThat(request.route()).isEqualTo("/{any}");
    assertThat(request.error()).isSameAs(failure);
    assertThat(request.span().traceparent()).contains(traceId);
    assertThat(seen).containsExactly(request.span());
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.BACKPRESSURE);
  }

  @Test
  void bothWays_observeOnce() throws IOException, InterruptedException {
    SondeNetty.observeAll(new NettyWatch(ends::listener));

    int port = start((ctx, request) -> ctx.writeAndFlush(hello()));
    String unused = send(port, GET + "\r\n", 5);

    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
    assertThat(ends.scopes).hasSize(1);
    SondeNetty.observeAll(NettyWatch.NOTHING);
  }

  @Test
  void promiseThatTakesNoListeners_doesNotBreakTheConnection()
      throws IOException, InterruptedException {
    int port =
        start(
            (ctx, request) -> {
              ctx.write(head(BIG));
              ctx.writeAndFlush(
                  Unpooled.wrappedBuffer(new byte[BIG]), new SilentPromise(ctx.channel()));
              ctx.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
                  .addListener(ChannelFutureListener.CLOSE);
            });

    try (Socket client = slowClient(port)) {
      assertThat(client.getInputStream().readAllBytes()).hasSizeGreaterThan(BIG);
    }

    awaitClosed(1);
    assertThat(ends.bodyBytes).containsExactly((long) BIG);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.connections.get(0).isWriteBlocked()).isFalse();
  }

  @Test
  void writeThatFails_endsTheWait() throws IOException, InterruptedException {
    List<Boolean> blocked =
        blockedBy((ctx, written) -> ((SocketChannel) ctx.channel()).shutdownOutput());

    assertThat(blocked.get(0)).isTrue();
    assertThat(blocked.get(2)).isFalse();
  }

  /** Whether a write is blocked before {@code ending}, after it, and once the loop went on. */
  private List<Boolean> blockedBy(BiConsumer<ChannelHandlerContext, ChannelPromise> ending)
      throws IOException, InterruptedException {
    CompletableFuture<List<Boolean>> blocked = new CompletableFuture<>();
    int port =
        start(
            (ctx, request) -> {
              ConnectionState state = stateOf(ctx.channel());
              ChannelPromise written =
                  new DefaultChannelPromise(ctx.channel(), GlobalEventExecutor.INSTANCE);
              ctx.write(head(BIG));
              ctx.writeAndFlush(Unpooled.wrappedBuffer(new byte[BIG]), written);
              boolean before = state.isWriteBlocked();
              ending.accept(ctx, written);
              boolean after = state.isWriteBlocked();
              written.addListener(
                  done ->
                      ctx.executor()
                          .execute(
                              () -> {
                                blocked.complete(List.of(before, after, state.isWriteBlocked()));
                                ctx.close();
                              }));
            });

    try (Socket unused = slowClient(port)) {
      return blocked.join();
    }
  }

  /** Has sent a request, and takes little of the answer until it reads. */
  private static Socket slowClient(int port) throws IOException {
    Socket client = new Socket();
    client.setReceiveBufferSize(8 * 1024);
    client.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    client.getOutputStream().write((GET + "\r\n").getBytes(ISO_8859_1));
    return client;
  }

  @Test
  void pipelineThatIsEmptied_staysEmpty() throws IOException, InterruptedException {
    assertThat(handlersAfterEmptying()).isZero();
  }

  @Test
  void pipelineThatIsEmptied_ofAServedConnectionToo_endsIt()
      throws IOException, InterruptedException {
    ServedLoops.watch(loops, ends::listener);
    try {
      assertThat(handlersAfterEmptying()).isZero();
    } finally {
      ServedLoops.forget(loops);
    }
  }

  private int handlersAfterEmptying() throws IOException, InterruptedException {
    CompletableFuture<Integer> left = new CompletableFuture<>();
    int port =
        start(
            (ctx, request) -> {
              ChannelPipeline pipeline = ctx.pipeline();
              for (int i = 0; i < 1000 && pipeline.first() != null; i++) {
                pipeline.removeFirst();
              }
              left.complete(pipeline.toMap().size());
              ctx.channel().close();
            });

    assertThat(send(port, GET + "\r\n", 0)).isEmpty();
    awaitClosed(1);
    return left.join();
  }

  @Test
  void closeOfAServedConnection_isToldWhenItsLoopEndsBeforeTheListener()
      throws IOException, InterruptedException {
    EventLoopGroup accepting = new NioEventLoopGroup(1);
    ServedLoops.watch(loops, ends::listener);
    try {
      int port = start(accepting, new Setup((ctx, request) -> ctx.close()));

      assertThat(send(port, KEPT, 0)).isEmpty();
      loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();

      assertThat(ends.connections).hasSize(1);
    } finally {
      ServedLoops.forget(loops);
      accepting.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }
  }

  @Test
  void requestThatWaitsWhenItsConnectionCloses_doesNotBeginLater()
      throws IOException, InterruptedException {
    AtomicReference<@Nullable ServedRequest> first = new AtomicReference<>();
    CompletableFuture<Optional<ServedRequest>> later = new CompletableFuture<>();
    ServedLoops.watch(loops, ends::listener);
    try {
      int port =
          start(
              (ctx, request) -> {
                ServedRequest held = first.get();
                if (held == null) {
                  first.set(ServedRequest.begun());
                  return;
                }
                ctx.writeAndFlush(hello());
                held.ended(200);
                ctx.close();
                ctx.executor()
                    .execute(() -> later.complete(Optional.ofNullable(ServedRequest.begun())));
              });

      assertThat(send(port, KEPT + KEPT, 0)).endsWith("hello");

      assertThat(later.join()).isEmpty();
      awaitClosed(1);
    } finally {
      ServedLoops.forget(loops);
    }
  }

  @Test
  void probes_goOnceTheCodecIsFound() throws IOException, InterruptedException {
    CompletableFuture<Boolean> isProbeLeft = new CompletableFuture<>();
    ChannelHandler last =
        new SimpleChannelInboundHandler<HttpRequest>() {
          @Override
          protected void channelRead0(ChannelHandlerContext ctx, HttpRequest request) {
            isProbeLeft.complete(ctx.pipeline().get(CodecProbe.class) != null);
            ctx.writeAndFlush(hello()).addListener(ChannelFutureListener.CLOSE);
          }
        };
    ChannelHandler chooser =
        new ChannelInboundHandlerAdapter() {
          @Override
          public void channelRead(ChannelHandlerContext ctx, Object msg) {
            ctx.pipeline().addBefore("last", null, new HttpServerCodec());
            ctx.fireChannelRead(msg);
          }
        };
    ServedLoops.watch(loops, ends::listener);
    try {
      int port =
          start(
              loops,
              new ChannelInitializer<>() {
                @Override
                protected void initChannel(Channel channel) {
                  channel.pipeline().addLast(chooser).addLast("last", last);
                }
              });

      assertThat(send(port, GET + "\r\n", 0)).endsWith("hello");

      assertThat(isProbeLeft.join()).isFalse();
      awaitClosed(1);
      assertThat(ends.requests).hasSize(1);
    } finally {
      ServedLoops.forget(loops);
    }
  }

  private static ConnectionState stateOf(Channel channel) {
    ObservedChannel observed = ObservedChannel.of(channel);
    if (observed == null) {
      throw new AssertionError("the channel is not observed");
    }
    return observed.state();
  }

  private int start(Answer answer, ChannelHandler... more) throws InterruptedException {
    return start(loops, new Setup(answer, more));
  }

  private int start(EventLoopGroup accepting, ChannelHandler setup) throws InterruptedException {
    Channel server =
        new ServerBootstrap()
            .group(accepting, loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(SondeNetty.observe(ends::listener, setup))
            .bind("127.0.0.1", 0)
            .sync()
            .channel();
    return ((InetSocketAddress) server.localAddress()).getPort();
  }

  /** Sends a request, reads so many body bytes and then closes; 0 for all until the end. */
  private static String send(int port, String request, int bodyBytes) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      if (bodyBytes == 0) {
        return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
      }
      StringBuilder answer = new StringBuilder();
      int missing = Integer.MAX_VALUE;
      while (missing > 0) {
        int next = socket.getInputStream().read();
        if (next < 0) {
          break;
        }
        answer.append((char) next);
        if (missing == Integer.MAX_VALUE) {
          missing = answer.indexOf("\r\n\r\n") >= 0 ? bodyBytes : missing;
        } else {
          missing--;
        }
      }
      return answer.toString();
    }
  }

  private void awaitClosed(int connections) {
    await().until(() -> ends.connections.size() == connections);
  }

  private static HttpResponse head(int length) {
    HttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    HttpUtil.setContentLength(head, length);
    return head;
  }

  private static HttpResponse hello() {
    HttpResponse hello =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.OK,
            Unpooled.copiedBuffer("hello", ISO_8859_1));
    HttpUtil.setContentLength(hello, 5);
    return hello;
  }

  /** Tells nobody what became of the write, as those in which Reactor Netty streams. */
  private static final class SilentPromise extends DefaultChannelPromise {
    SilentPromise(Channel channel) {
      super(channel);
    }

    @Override
    public ChannelPromise addListener(
        GenericFutureListener<? extends Future<? super Void>> listener) {
      throw new UnsupportedOperationException("tells nobody");
    }
  }

  /** How a request is answered. */
  @FunctionalInterface
  private interface Answer {
    void to(ChannelHandlerContext ctx, FullHttpRequest request);
  }

  /** Decoder and encoder apart, more handlers, then the answer. */
  @ChannelHandler.Sharable
  private static final class Setup extends ChannelInitializer<Channel> {
    private final Answer answer;
    private final ChannelHandler[] more;

    Setup(Answer answer, ChannelHandler... more) {
      this.answer = answer;
      this.more = more;
    }

    @Override
    protected void initChannel(Channel channel) {
      channel
          .pipeline()
          .addLast(new HttpRequestDecoder(), new HttpResponseEncoder())
          .addLast(new HttpObjectAggregator(65536))
          .addLast(more)
          .addLast(
              new SimpleChannelInboundHandler<FullHttpRequest>() {
                @Override
                protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
                  answer.to(ctx, request);
                }

                @Override
                public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                  ctx.close();
                }
              });
    }
  }
}
