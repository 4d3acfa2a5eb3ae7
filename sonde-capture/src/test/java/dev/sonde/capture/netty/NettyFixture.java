// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Capability;
import dev.sonde.capture.CloseHint;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.RunningServer;
import dev.sonde.testkit.ServerFixture;
import dev.sonde.testkit.ServerOptions;
import dev.sonde.testkit.net.TlsMaterial;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerExpectContinueHandler;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpServerUpgradeHandler;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.codec.http2.CleartextHttp2ServerUpgradeHandler;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Frame;
import io.netty.handler.codec.http2.Http2FrameCodec;
import io.netty.handler.codec.http2.Http2FrameCodecBuilder;
import io.netty.handler.codec.http2.Http2MultiplexHandler;
import io.netty.handler.codec.http2.Http2SecurityUtil;
import io.netty.handler.codec.http2.Http2ServerUpgradeCodec;
import io.netty.handler.codec.http2.Http2StreamFrameToHttpObjectCodec;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ApplicationProtocolNegotiationHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.AsciiString;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import org.jspecify.annotations.Nullable;

/** A server of Netty's own bootstrap, in cleartext and with TLS. */
@SuppressWarnings("FutureReturnValueIgnored") // events tell what became of it
final class NettyFixture implements ServerFixture {
  private final String server;
  private final boolean isByCode;
  private final boolean isRaw;

  /**
   * @param isByCode whether the adapter is named in code, or found by Netty as a service
   * @param isRaw whether HTTP/2 is served by the bare codec, or by one channel for each stream
   */
  NettyFixture(String server, boolean isByCode, boolean isRaw) {
    this.server = server;
    this.isByCode = isByCode;
    this.isRaw = isRaw;
  }

  @Override
  public String server() {
    return server;
  }

  @Override
  public String version() {
    return NettyWatch.version();
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.allOf(Capability.class);
  }

  @Override
  public Map<Deviation, String> deviations() {
    return isRaw
        ? Map.of(
            Deviation.NO_H2C_UPGRADE,
            "the bare codec leaves the first stream of an upgrade to its application")
        : Map.of();
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception {
    ObservedListeners listeners = new ObservedListeners(collector);
    ExecutorService workers =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "netty-application");
              thread.setDaemon(true);
              return thread;
            });
    EventLoopGroup loops = new NioEventLoopGroup(2);
    ChannelGroup children = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    Setup clear = new Setup(application, workers, options, children, null, isRaw);
    Setup secure = new Setup(application, workers, options, children, tls(options), isRaw);

    Channel port = bind(loops, listeners, clear);
    Channel tlsPort = bind(loops, listeners, secure);
    return new Running(loops, workers, children, port, tlsPort, listeners, options);
  }

  private Channel bind(EventLoopGroup loops, ObservedListeners listeners, Setup setup)
      throws InterruptedException {
    ChannelHandler handler = setup;
    if (!listeners.isBare() && isByCode) {
      handler = SondeNetty.observe(listeners, setup);
    }
    // Every server of this process is offered to the service from then on, the bare ones too.
    boolean isByService = !listeners.isBare() && !isByCode;
    SondeNetty.observeAll(isByService ? new NettyWatch(listeners) : NettyWatch.NOTHING);
    return new ServerBootstrap()
        .group(loops)
        .channel(NioServerSocketChannel.class)
        .childHandler(handler)
        .bind("127.0.0.1", 0)
        .sync()
        .channel();
  }

  private static SslContext tls(ServerOptions options) throws Exception {
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(options.tls().keyStore(), TlsMaterial.password().toCharArray());
    return SslContextBuilder.forServer(keys)
        .sslProvider(SslProvider.JDK)
        .ciphers(Http2SecurityUtil.CIPHERS, SupportedCipherSuiteFilter.INSTANCE)
        .applicationProtocolConfig(
            new ApplicationProtocolConfig(
                ApplicationProtocolConfig.Protocol.ALPN,
                ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
                ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
                ApplicationProtocolNames.HTTP_2,
                ApplicationProtocolNames.HTTP_1_1))
        .build();
  }

  /** Sets up the pipeline of an accepted connection. */
  @ChannelHandler.Sharable
  private static final class Setup extends ChannelInitializer<Channel> {
    private final ContractApplication application;
    private final ExecutorService workers;
    private final ServerOptions options;
    private final ChannelGroup children;
    private final @Nullable SslContext tls;
    private final boolean isRaw;
    private final AtomicInteger open = new AtomicInteger();

    Setup(
        ContractApplication application,
        ExecutorService workers,
        ServerOptions options,
        ChannelGroup children,
        @Nullable SslContext tls,
        boolean isRaw) {
      this.application = application;
      this.workers = workers;
      this.options = options;
      this.children = children;
      this.tls = tls;
      this.isRaw = isRaw;
    }

    @Override
    protected void initChannel(Channel channel) {
      children.add(channel);
      ChannelPipeline pipeline = channel.pipeline();
      if (tls == null) {
        if (options.maxConnections() > 0) {
          pipeline.addLast(new ConnectionLimit(open, options.maxConnections()));
        }
      } else {
        pipeline.addLast(tls.newHandler(channel.alloc()));
      }
      pipeline.addLast(
          new IdleStateHandler(0, 0, options.idleTimeout().toMillis(), TimeUnit.MILLISECONDS));
      if (tls == null) {
        http1OrHttp2(pipeline);
      } else {
        pipeline.addLast(new Negotiation(this));
      }
    }

    private HttpServerCodec codec() {
      return new HttpServerCodec(4096, options.maxHeadBytes(), 8192);
    }

    private void http1(ChannelPipeline pipeline) {
      pipeline.addLast(codec());
      application(pipeline);
    }

    private void application(ChannelPipeline pipeline) {
      pipeline.addLast(
          new Http2FrameStop(),
          new HttpServerKeepAliveHandler(),
          new HttpServerExpectContinueHandler(),
          new WebSocketServerProtocolHandler(ContractRoute.WEBSOCKET.template()),
          new ContractHandler(application, workers, options));
    }

    private void http1OrHttp2(ChannelPipeline pipeline) {
      HttpServerCodec codec = codec();
      HttpServerUpgradeHandler upgrade =
          new HttpServerUpgradeHandler(
              codec,
              protocol ->
                  !isRaw
                          && AsciiString.contentEquals(
                              Http2CodecUtil.HTTP_UPGRADE_PROTOCOL_NAME, protocol)
                      ? new Http2ServerUpgradeCodec(frameCodec(), multiplexer())
                      : null,
              65536);
      ChannelHandler http2 =
          new ChannelInboundHandlerAdapter() {
            @Override
            public void handlerAdded(ChannelHandlerContext ctx) {
              for (ChannelHandler handler : http2()) {
                ctx.pipeline().addBefore(ctx.name(), null, handler);
              }
              ctx.pipeline().remove(this);
            }
          };
      pipeline.addLast(new CleartextHttp2ServerUpgradeHandler(codec, upgrade, http2));
      application(pipeline);
    }

    private ChannelHandler[] http2() {
      return isRaw
          ? new ChannelHandler[] {RawHttp2Handler.create(application, workers, options)}
          : new ChannelHandler[] {frameCodec(), multiplexer()};
    }

    private Http2FrameCodec frameCodec() {
      Http2FrameCodecBuilder builder = Http2FrameCodecBuilder.forServer();
      if (options.maxResetsPerSecond() > 0) {
        builder.decoderEnforceMaxRstFramesPerWindow(options.maxResetsPerSecond(), 1);
      }
      return builder.build();
    }

    private Http2MultiplexHandler multiplexer() {
      return new Http2MultiplexHandler(
          new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel stream) {
              stream
                  .pipeline()
                  .addLast(
                      new Http2StreamFrameToHttpObjectCodec(true),
                      new ContractHandler(application, workers, options));
            }
          });
    }
  }

  /** Goes on with what TLS has agreed on. */
  private static final class Negotiation extends ApplicationProtocolNegotiationHandler {
    private final Setup setup;

    Negotiation(Setup setup) {
      super(ApplicationProtocolNames.HTTP_1_1);
      this.setup = setup;
    }

    @Override
    protected void configurePipeline(ChannelHandlerContext ctx, String protocol) {
      if (protocol.equals(ApplicationProtocolNames.HTTP_2)) {
        ctx.pipeline().addLast(setup.http2());
        // What is idle or has to go is closed by the same handler as in HTTP/1.
        ctx.pipeline()
            .addLast(new ContractHandler(setup.application, setup.workers, setup.options));
      } else {
        setup.http1(ctx.pipeline());
      }
    }

    @Override
    protected void handshakeFailure(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }

  /** Keeps frames of the connection itself from handlers that understand HTTP/1 only. */
  private static final class Http2FrameStop extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
      if (msg instanceof Http2Frame) {
        ReferenceCountUtil.release(msg);
      } else {
        ctx.fireChannelRead(msg);
      }
    }
  }

  /** Netty has no limit of connections; this is how applications make one. */
  private static final class ConnectionLimit extends ChannelInboundHandlerAdapter {
    private final AtomicInteger open;
    private final int limit;

    ConnectionLimit(AtomicInteger open, int limit) {
      this.open = open;
      this.limit = limit;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
      boolean isTooMuch = open.incrementAndGet() > limit;
      ctx.channel().closeFuture().addListener(closed -> open.decrementAndGet());
      if (isTooMuch) {
        SondeNetty.closing(ctx.channel(), CloseHint.MAX_CONNECTIONS);
        ctx.close();
      } else {
        ctx.fireChannelActive();
      }
    }
  }

  /** A started server. */
  private record Running(
      EventLoopGroup loops,
      ExecutorService workers,
      ChannelGroup children,
      Channel clear,
      Channel secure,
      ObservedListeners listeners,
      ServerOptions options)
      implements RunningServer {
    @Override
    public int port() {
      return portOf(clear);
    }

    @Override
    public int tlsPort() {
      return portOf(secure);
    }

    private static int portOf(Channel channel) {
      return ((InetSocketAddress) channel.localAddress()).getPort();
    }

    @Override
    public void stopGracefully() throws InterruptedException {
      stopAccepting();
      for (Channel child : children) {
        child
            .eventLoop()
            .execute(() -> child.pipeline().fireUserEventTriggered(ContractHandler.DRAIN));
      }
      boolean unused = children.newCloseFuture().await(options.gracefulStop().toMillis());
      stop();
    }

    @Override
    public void close() throws InterruptedException {
      stop();
      listeners.assertNoFaults();
    }

    private void stopAccepting() throws InterruptedException {
      clear.close().sync();
      secure.close().sync();
    }

    private void stop() throws InterruptedException {
      if (loops.isShutdown()) {
        return;
      }
      stopAccepting();
      // As the loops do when they end, past the pipeline; those of 4.2.20 at times leave one open.
      for (Channel child : children) {
        child.eventLoop().execute(() -> child.unsafe().close(child.voidPromise()));
      }
      boolean unused = children.newCloseFuture().await(5, TimeUnit.SECONDS);
      // They write on the loops.
      workers.shutdownNow();
      unused = workers.awaitTermination(5, TimeUnit.SECONDS);
      loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }
  }
}
