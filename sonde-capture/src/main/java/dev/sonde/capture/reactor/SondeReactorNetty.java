// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import dev.sonde.Sonde;
import dev.sonde.capture.netty.SondeNetty;
import io.netty.channel.Channel;
import io.netty.channel.ServerChannel;
import java.util.function.Consumer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerRequest;

/**
 * Watches servers of Reactor Netty, 1.2 or 1.3, which do not use the bootstrap of Netty itself.
 *
 * <pre>{@code
 * DisposableServer server =
 *     SondeReactorNetty.observe(HttpServer.create().port(8080).route(yourRoutes), sonde).bindNow();
 * }</pre>
 *
 * <p>The methods that tell something of a request may be called from any thread while it is open;
 * they do nothing if its server is not watched.
 */
public final class SondeReactorNetty {
  /** Its name among the places at which an application is observed. */
  public static final String NAME = "Reactor Netty";

  private SondeReactorNetty() {}

  /** The same server, each of whose connections is watched. */
  public static HttpServer observe(HttpServer server, Sonde sonde) {
    if (sonde.isEnabled()) {
      sonde.hooked(NAME);
    }
    return observe(server, channel -> SondeNetty.observe(sonde, channel), sonde.isEnabled());
  }

  /**
   * Says the route template of a request, such as {@code /users/{id}}: Reactor Netty tells of none.
   */
  public static void route(HttpServerRequest request, String template) {
    request.withConnection(connection -> SondeNetty.route(connection.channel(), template));
  }

  /** Says that the application failed while it worked on a request. */
  public static void failed(HttpServerRequest request, Throwable thrown) {
    request.withConnection(connection -> SondeNetty.failed(connection.channel(), thrown));
  }

  /**
   * @param watch what is to be done with every accepted channel
   * @param isEnabled whether anything is to be done at all
   */
  static HttpServer observe(HttpServer server, Consumer<Channel> watch, boolean isEnabled) {
    if (!isEnabled) {
      return server;
    }
    return server.doOnChannelInit(
        (observer, channel, remote) -> {
          // Streams of HTTP/2 are channels too, whose parent is the connection.
          if (channel.parent() instanceof ServerChannel) {
            IdleClose.install(channel);
            watch.accept(channel);
          }
        });
  }
}
