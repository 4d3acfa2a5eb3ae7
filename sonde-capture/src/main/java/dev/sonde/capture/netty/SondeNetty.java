// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import io.netty.bootstrap.ChannelInitializerExtension;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Watches HTTP servers that are built on Netty, 4.1 or 4.2.
 *
 * <pre>{@code
 * new ServerBootstrap().childHandler(SondeNetty.observe(sonde, yourInitializer))
 * }</pre>
 *
 * <p>Where the bootstrap is made by others, {@link #observeAll} watches every server that is bound
 * later, and with {@code -Dio.netty.bootstrap.extensions=serviceload} on the command line no code
 * is needed at all: a Sonde is then started with {@link SondeConfig#load()}. A channel is watched
 * once, however often it is asked for. Those of gRPC-java are left to {@code SondeGrpc}, which
 * tells of calls what no channel shows.
 *
 * <p>The methods that tell something of a request may be called from any thread while it is open;
 * they do nothing on a channel that is not watched.
 */
public final class SondeNetty {
  private static final Logger LOGGER = System.getLogger("dev.sonde.capture");
  private static final String SERVICE_LOAD = "serviceload";

  /** What watches every server; guarded by the class. */
  private static @Nullable NettyWatch everywhere;

  private SondeNetty() {}

  /**
   * A child handler that watches each accepted connection and otherwise does what {@code
   * childHandler} does.
   *
   * @param childHandler to be given to the bootstrap otherwise
   */
  public static ChannelHandler observe(Sonde sonde, ChannelHandler childHandler) {
    return observe(sonde::listener, childHandler);
  }

  /**
   * Watches a connection that was just accepted, once its pipeline is set up; for servers that do
   * not use Netty's own bootstrap.
   *
   * <p>To be called on the channel's event loop, before the first byte is read.
   */
  public static void observe(Sonde sonde, Channel accepted) {
    decideByCode();
    new NettyWatch(sonde::listener).observe(accepted);
  }

  /**
   * Watches every server of Netty's own bootstrap that is bound later, until it is called for
   * another Sonde.
   *
   * <p>To be called before the first bootstrap of this process is used, because Netty looks only
   * then for extensions.
   */
  public static void observeAll(Sonde sonde) {
    observeAll(new NettyWatch(sonde::listener));
  }

  /**
   * Says the route template, such as {@code /users/{id}}, of the request whose head was read last
   * on {@code channel}, or of the HTTP/2 stream that {@code channel} is.
   */
  public static void route(Channel channel, String template) {
    Exchange request = request(channel);
    if (request != null) {
      request.route(template);
    }
  }

  /** Says that the application threw while it worked on the request that {@link #route} means. */
  public static void failed(Channel channel, Throwable thrown) {
    Exchange request = request(channel);
    if (request != null) {
      request.failed(thrown);
    }
  }

  /**
   * Says why the application is about to close the connection, where Netty cannot know: limits of
   * its own, time-outs that it measures itself. Only the first reason of a connection counts.
   */
  public static void closing(Channel channel, CloseHint hint) {
    ObservedChannel connection = ObservedChannel.of(channel);
    if (connection != null) {
      connection.state().hint(hint);
    }
  }

  /**
   * Says that the connection is about to be closed because nothing has happened on it for a time,
   * where no handler says so by an {@code IdleStateEvent} before it closes. Which time-out that was
   * follows from what is open. To be called on the channel's event loop.
   */
  public static void closingIdle(Channel channel) {
    ObservedChannel connection = ObservedChannel.of(channel);
    if (connection != null) {
      connection.idle();
    }
  }

  static ChannelHandler observe(
      BiFunction<String, Set<Capability>, ListenerScope> listeners, ChannelHandler childHandler) {
    decideByCode();
    return new ObservingInitializer(new NettyWatch(listeners), childHandler);
  }

  static synchronized void observeAll(NettyWatch watch) {
    System.setProperty(ChannelInitializerExtension.EXTENSIONS_SYSTEM_PROPERTY, SERVICE_LOAD);
    everywhere = watch;
  }

  /** Has Netty load the extension, for the servers that somebody names. */
  static void loadExtensions() {
    decideByCode();
    System.setProperty(ChannelInitializerExtension.EXTENSIONS_SYSTEM_PROPERTY, SERVICE_LOAD);
  }

  /** What watches every server, which is started now if nobody has decided otherwise. */
  static synchronized NettyWatch everywhere() {
    NettyWatch watch = everywhere;
    if (watch == null) {
      watch = startedByItself();
      everywhere = watch;
    }
    return watch;
  }

  /** Who names servers in code wants no others. */
  private static synchronized void decideByCode() {
    if (everywhere == null) {
      everywhere = NettyWatch.NOTHING;
    }
  }

  private static NettyWatch startedByItself() {
    try {
      return new NettyWatch(Sonde.start(SondeConfig.load())::listener);
    } catch (RuntimeException e) {
      LOGGER.log(Level.WARNING, "Netty servers are not observed: " + e.getMessage(), e);
      return NettyWatch.NOTHING;
    }
  }

  private static @Nullable Exchange request(Channel channel) {
    ObservedChannel connection = ObservedChannel.of(channel);
    return connection == null ? null : connection.request(channel);
  }
}
