// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.netty.SondeNetty;
import dev.sonde.event.Protocol;
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
import java.util.EnumSet;
import java.util.concurrent.TimeUnit;
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
 * What observing a request costs a pipeline of Netty, codec and a small answer included.
 *
 * <p>The adapter's own part is what {@code observed} adds to {@code bare} beyond {@link #core}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
@State(Scope.Thread)
public class NettyBenchmark {
  private static final byte[] REQUEST =
      "GET /hello HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".getBytes(US_ASCII);

  /** A keep-alive connection without a socket. */
  @State(Scope.Thread)
  public static class Connection {
    /** Whether it is watched: not, by a Sonde that is off, by one that is on. */
    @Param({"bare", "disabled", "observed"})
    public String watched = "bare";

    private final ByteBuf request = Unpooled.directBuffer().writeBytes(REQUEST);
    private final EmbeddedChannel channel =
        new EmbeddedChannel(new HttpServerCodec(), new Answering());
    private final Sonde sonde;

    /** Opens it. */
    public Connection() {
      sonde = Sonde.start(SondeConfig.builder().build());
    }

    /** Puts the observer on it. */
    @Setup
    public void observe() {
      if (watched.equals("observed")) {
        SondeNetty.observe(sonde, channel);
      } else if (watched.equals("disabled")) {
        SondeNetty.observe(Sonde.start(SondeConfig.builder().enabled(false).build()), channel);
      }
    }

    /** Closes it. */
    @TearDown
    public void close() {
      boolean unused = channel.finishAndReleaseAll();
      sonde.close();
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
  public int pipeline(Connection connection) {
    boolean unusedIn = connection.channel.writeInbound(connection.request.retainedDuplicate());
    int bytes = 0;
    for (Object out; (out = connection.channel.readOutbound()) != null; ) {
      bytes += ((ByteBuf) out).readableBytes();
      boolean unused = ReferenceCountUtil.release(out);
    }
    return bytes;
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
}
