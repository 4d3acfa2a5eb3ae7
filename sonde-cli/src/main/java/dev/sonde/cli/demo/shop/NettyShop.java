// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.capture.netty.SondeNetty;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.util.Version;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The shop on Netty's HTTP/1.1 codec. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails ends its connection
final class NettyShop implements ShopServer {
  private static final int MAX_REQUEST_BODY_BYTES = 64 * 1024;
  private static final int CHUNK_BYTES = 64 * 1024;
  private static final long STOP_SECONDS = 5;

  private final Channel server;
  private final EventLoopGroup loops;
  private final ExecutorService workers;

  private NettyShop(Channel server, EventLoopGroup loops, ExecutorService workers) {
    this.server = server;
    this.loops = loops;
    this.workers = workers;
  }

  static ShopServer start(Shop shop, Sonde sonde, int port) throws IOException {
    EventLoopGroup loops = new NioEventLoopGroup();
    ExecutorService workers = Executors.newFixedThreadPool(THREADS);
    ChannelFuture bound =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(
                SondeNetty.observe(
                    sonde,
                    new ChannelInitializer<>() {
                      @Override
                      protected void initChannel(Channel channel) {
                        channel
                            .pipeline()
                            .addLast(
                                new HttpServerCodec(),
                                new HttpServerKeepAliveHandler(),
                                new HttpObjectAggregator(MAX_REQUEST_BODY_BYTES),
                                new FlowControlHandler(),
                                new ShopHandler(shop, workers));
                      }
                    }))
            .bind(InetAddress.getLoopbackAddress(), port)
            .awaitUninterruptibly();
    NettyShop started = new NettyShop(bound.channel(), loops, workers);
    Throwable cause = bound.cause();
    if (cause != null) {
      started.close();
      throw cause instanceof IOException e ? e : new IOException("Netty did not start", cause);
    }
    return started;
  }

  @Override
  public String name() {
    Version version = Version.identify().get("netty-codec-http");
    return version == null ? "Netty" : "Netty " + version.artifactVersion();
  }

  @Override
  public int port() {
    return ((InetSocketAddress) server.localAddress()).getPort();
  }

  @Override
  public void close() {
    loops.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
    workers.shutdown();
  }

  /** Hands one request at a time to a worker, because the shop blocks. */
  private static final class ShopHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final Shop shop;
    private final ExecutorService workers;

    ShopHandler(Shop shop, ExecutorService workers) {
      this.shop = shop;
      this.workers = workers;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      if (request.decoderResult().isFailure()) {
        context.close();
        return;
      }
      // The next request is read when this one is answered.
      context.channel().config().setAutoRead(false);
      NettyExchange exchange =
          new NettyExchange(
              context,
              request.method().name(),
              new QueryStringDecoder(request.uri()),
              ByteBufUtil.getBytes(request.content()));
      workers.execute(() -> answer(exchange));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }

    private void answer(NettyExchange exchange) {
      try {
        shop.answer(exchange);
        exchange.complete();
      } catch (IOException e) {
        exchange.context.close();
      } catch (SQLException | RuntimeException e) {
        fail(exchange, e);
      }
    }

    private static void fail(NettyExchange exchange, Exception thrown) {
      SondeNetty.failed(exchange.context.channel(), thrown);
      if (exchange.out != null) {
        exchange.context.close();
        return;
      }
      byte[] body = "the shop failed\n".getBytes(StandardCharsets.UTF_8);
      try {
        exchange.respond(500, "text/plain;charset=utf-8", body.length).write(body);
        exchange.complete();
      } catch (IOException e) {
        exchange.context.close();
      }
    }
  }

  /** Used by one worker at a time. */
  private static final class NettyExchange implements ShopExchange {
    private final ChannelHandlerContext context;
    private final String method;
    private final QueryStringDecoder target;
    private final byte[] body;
    private @Nullable OutputStream out;

    NettyExchange(
        ChannelHandlerContext context, String method, QueryStringDecoder target, byte[] body) {
      this.context = context;
      this.method = method;
      this.target = target;
      this.body = body;
    }

    @Override
    public String method() {
      return method;
    }

    @Override
    public String path() {
      return target.rawPath();
    }

    @Override
    public @Nullable String query() {
      String query = target.rawQuery();
      return query.isEmpty() ? null : query;
    }

    @Override
    public InputStream body() {
      return new ByteArrayInputStream(body);
    }

    @Override
    public void route(String template) {
      SondeNetty.route(context.channel(), template);
    }

    @Override
    public OutputStream respond(int status, String contentType, long length) {
      HttpResponse head =
          new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status));
      head.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
      head.headers().set(HttpHeaderNames.CONTENT_LENGTH, length);
      context.write(head);
      OutputStream stream = new BufferedOutputStream(new ChunkStream(context), CHUNK_BYTES);
      out = stream;
      return stream;
    }

    /** Ends the response, and has the next request read once it is written. */
    void complete() throws IOException {
      if (out != null) {
        out.flush();
      }
      context
          .writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
          .addListener(
              (ChannelFutureListener)
                  written -> {
                    if (written.isSuccess()) {
                      context.channel().config().setAutoRead(true);
                    } else {
                      context.close();
                    }
                  });
    }
  }

  /** Writes chunk by chunk: the next one when the socket has taken the one before. */
  private static final class ChunkStream extends OutputStream {
    private final ChannelHandlerContext context;

    ChunkStream(ChannelHandlerContext context) {
      this.context = context;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      ChannelFuture written =
          context.writeAndFlush(
              new DefaultHttpContent(Unpooled.copiedBuffer(bytes, offset, length)));
      try {
        written.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while the client reads");
      }
      Throwable cause = written.cause();
      if (cause != null) {
        throw new IOException("the client left", cause);
      }
    }
  }
}
