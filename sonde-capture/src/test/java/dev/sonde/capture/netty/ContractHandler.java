// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.CloseHint;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.ServerOptions;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The contract's application at the end of a pipeline that speaks in messages of HTTP. */
@SuppressWarnings("FutureReturnValueIgnored") // events tell what became of it
final class ContractHandler extends ChannelInboundHandlerAdapter {
  /** Tells a handler that its connection is to close once no request is open. */
  static final Object DRAIN = new Object();

  private final ContractApplication application;
  private final Executor workers;
  private final ServerOptions options;

  /** Pipelined requests wait here for the answer to the one before. */
  private final Queue<NettyExchange> waiting = new ArrayDeque<>();

  private @Nullable NettyExchange arriving;
  private @Nullable NettyExchange running;
  private int requests;
  private boolean isDraining;

  ContractHandler(ContractApplication application, Executor workers, ServerOptions options) {
    this.application = application;
    this.workers = workers;
    this.options = options;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    try {
      if (msg instanceof HttpObject object && object.decoderResult().isFailure()) {
        refuse(ctx, object.decoderResult().cause());
        return;
      }
      if (msg instanceof HttpRequest head) {
        begin(ctx, head);
      }
      if (msg instanceof HttpContent content && arriving != null) {
        arriving.body().add(content.content());
        if (msg instanceof LastHttpContent) {
          arriving.body().end(null);
          arriving = null;
        }
      }
    } finally {
      ReferenceCountUtil.release(msg);
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof IdleStateEvent) {
      ctx.close();
    } else if (event == DRAIN) {
      isDraining = true;
      if (running == null) {
        ctx.close();
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    if (arriving != null) {
      arriving.body().end(new IOException("the client left in the middle of its upload"));
    }
    ctx.fireChannelInactive();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }

  private void begin(ChannelHandlerContext ctx, HttpRequest head) {
    requests++;
    boolean isLast = requests == options.maxRequestsPerConnection();
    if (isLast) {
      SondeNetty.closing(ctx.channel(), CloseHint.MAX_REQUESTS);
    }
    NettyExchange exchange = new NettyExchange(head, new Answering(ctx, isLast));
    arriving = exchange;
    ContractRoute route = ContractRoute.of(exchange.path());
    if (route != null) {
      SondeNetty.route(ctx.channel(), route.template());
    }
    if (running == null) {
      run(exchange);
    } else {
      waiting.add(exchange);
    }
  }

  private void run(NettyExchange exchange) {
    running = exchange;
    workers.execute(() -> exchange.serve(application));
  }

  private void next(ChannelHandlerContext ctx) {
    running = null;
    NettyExchange next = waiting.poll();
    if (next != null) {
      run(next);
    } else if (isDraining) {
      ctx.close();
    }
  }

  private static void refuse(ChannelHandlerContext ctx, Throwable cause) {
    HttpResponseStatus status =
        cause instanceof TooLongFrameException
            ? HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            : HttpResponseStatus.BAD_REQUEST;
    FullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.EMPTY_BUFFER);
    HttpUtil.setContentLength(response, 0);
    HttpUtil.setKeepAlive(response, false);
    ctx.writeAndFlush(response).addListener(sent -> ctx.close());
  }

  /** The connection as one of its requests sees it, from any thread. */
  private final class Answering implements NettyExchange.Connection {
    private final ChannelHandlerContext ctx;
    private final boolean isLast;

    Answering(ChannelHandlerContext ctx, boolean isLast) {
      this.ctx = ctx;
      this.isLast = isLast;
    }

    @Override
    public ChannelFuture write(HttpObject message) {
      return ctx.writeAndFlush(message);
    }

    @Override
    public boolean isLast() {
      return isLast;
    }

    @Override
    public void failed(Throwable thrown) {
      SondeNetty.failed(ctx.channel(), thrown);
    }

    @Override
    public void abort() {
      ctx.close();
    }

    @Override
    public void ended() {
      ctx.channel().eventLoop().execute(() -> next(ctx));
    }
  }
}
