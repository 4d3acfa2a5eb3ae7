// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.ServerOptions;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2EventAdapter;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.HttpConversionUtil;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** The contract's application on the bare codec of HTTP/2, as gRPC and Vert.x use it. */
@SuppressWarnings("FutureReturnValueIgnored") // events tell what became of it
final class RawHttp2Handler extends Http2ConnectionHandler {
  private RawHttp2Handler(
      Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
    super(decoder, encoder, settings);
  }

  static RawHttp2Handler create(
      ContractApplication application, Executor workers, ServerOptions options) {
    return new Builder(application, workers, options).build();
  }

  /** Builds one. */
  private static final class Builder
      extends AbstractHttp2ConnectionHandlerBuilder<RawHttp2Handler, Builder> {
    private final ContractApplication application;
    private final Executor workers;

    Builder(ContractApplication application, Executor workers, ServerOptions options) {
      this.application = application;
      this.workers = workers;
      server(true);
      frameLogger(new SondeFrameLogger());
      if (options.maxResetsPerSecond() > 0) {
        decoderEnforceMaxRstFramesPerWindow(options.maxResetsPerSecond(), 1);
      }
    }

    @Override
    protected RawHttp2Handler build() {
      return super.build();
    }

    @Override
    protected RawHttp2Handler build(
        Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
      RawHttp2Handler handler = new RawHttp2Handler(decoder, encoder, settings);
      frameListener(new Streams(handler, application, workers));
      return handler;
    }
  }

  /** Answers what comes in. */
  private static final class Streams extends Http2EventAdapter {
    private final RawHttp2Handler handler;
    private final ContractApplication application;
    private final Executor workers;
    private final Map<Integer, NettyExchange> arriving = new HashMap<>();

    Streams(RawHttp2Handler handler, ContractApplication application, Executor workers) {
      this.handler = handler;
      this.application = application;
      this.workers = workers;
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx, int streamId, Http2Headers headers, int padding, boolean isLast)
        throws Http2Exception {
      HttpRequest head = HttpConversionUtil.toHttpRequest(streamId, headers, true);
      NettyExchange exchange = new NettyExchange(head, new Stream(handler, ctx, streamId));
      ContractRoute route = ContractRoute.of(exchange.path());
      if (route != null) {
        SondeNetty.route(ctx.channel(), route.template());
      }
      if (isLast) {
        exchange.body().end(null);
      } else {
        arriving.put(streamId, exchange);
      }
      workers.execute(() -> exchange.serve(application));
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext ctx,
        int streamId,
        Http2Headers headers,
        int streamDependency,
        short weight,
        boolean exclusive,
        int padding,
        boolean isLast)
        throws Http2Exception {
      onHeadersRead(ctx, streamId, headers, padding, isLast);
    }

    @Override
    public int onDataRead(
        ChannelHandlerContext ctx, int streamId, ByteBuf data, int padding, boolean isLast) {
      int read = data.readableBytes() + padding;
      NettyExchange exchange = arriving.get(streamId);
      if (exchange != null) {
        exchange.body().add(data);
        if (isLast) {
          exchange.body().end(null);
          arriving.remove(streamId);
        }
      }
      return read;
    }

    @Override
    public void onRstStreamRead(ChannelHandlerContext ctx, int streamId, long errorCode) {
      NettyExchange exchange = arriving.remove(streamId);
      if (exchange != null) {
        exchange.body().end(new IOException("reset"));
      }
    }
  }

  /** One stream as its application sees it, from any thread. */
  private record Stream(RawHttp2Handler handler, ChannelHandlerContext ctx, int id)
      implements NettyExchange.Connection {
    @Override
    public ChannelFuture write(HttpObject message) {
      ChannelPromise promise = ctx.newPromise();
      try {
        ctx.executor().execute(() -> encode(message, promise));
      } catch (RejectedExecutionException e) {
        promise.setFailure(e);
      }
      return promise;
    }

    private void encode(HttpObject message, ChannelPromise promise) {
      boolean isLast = message instanceof LastHttpContent;
      ByteBuf data =
          message instanceof HttpContent content ? content.content() : Unpooled.EMPTY_BUFFER;
      boolean hasData = data.isReadable();
      if (message instanceof HttpResponse head) {
        head.headers().remove(HttpHeaderNames.TRANSFER_ENCODING);
        Http2Headers headers = HttpConversionUtil.toHttp2Headers(head, false);
        boolean isWhole = isLast && !hasData;
        handler
            .encoder()
            .writeHeaders(ctx, id, headers, 0, isWhole, hasData ? ctx.newPromise() : promise);
      }
      if (hasData || (isLast && !(message instanceof HttpResponse))) {
        handler.encoder().writeData(ctx, id, data, 0, isLast, promise);
      }
      handler.flush(ctx);
    }

    @Override
    public boolean isLast() {
      return false;
    }

    @Override
    public void failed(Throwable thrown) {
      SondeNetty.failed(ctx.channel(), thrown);
    }

    @Override
    public void abort() {
      ctx.executor()
          .execute(
              () -> {
                handler
                    .encoder()
                    .writeRstStream(ctx, id, Http2Error.INTERNAL_ERROR.code(), ctx.newPromise());
                handler.flush(ctx);
              });
    }

    @Override
    public void ended() {}
  }
}
