// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.netty.SondeNetty;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** On Netty's HTTP/1.1 codec. */
final class NettyHello implements HelloServer {
  private final EventLoopGroup loops = new NioEventLoopGroup();
  private final Channel listener;

  private NettyHello(ChannelHandler children) throws InterruptedException {
    listener =
        new ServerBootstrap()
            .group(loops)
            .channel(NioServerSocketChannel.class)
            .childHandler(children)
            .bind(ADDRESS, 0)
            .sync()
            .channel();
  }

  static NettyHello start(Hello hello, @Nullable Sonde sonde) throws InterruptedException {
    ChannelHandler children =
        new ChannelInitializer<>() {
          @Override
          protected void initChannel(Channel channel) {
            channel.pipeline().addLast(new HttpServerCodec(), new Answering(hello));
          }
        };
    return new NettyHello(sonde == null ? children : SondeNetty.observe(sonde, children));
  }

  @Override
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  @Override
  public void close() throws InterruptedException {
    loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
  }

  private static final class Answering extends ChannelInboundHandlerAdapter {
    private final Hello hello;

    Answering(Hello hello) {
      this.hello = hello;
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // a write that fails ends its connection
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (message instanceof LastHttpContent) {
        byte[] body = hello.answer();
        FullHttpResponse response =
            new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.wrappedBuffer(body));
        response.headers().set(HttpHeaderNames.CONTENT_TYPE, Hello.TYPE);
        response.headers().set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        context.writeAndFlush(response);
      }
      boolean unused = ReferenceCountUtil.release(message);
    }
  }
}
