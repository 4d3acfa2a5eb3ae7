// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.netty.SondeNetty;
import io.netty.channel.ServerChannel;
import reactor.netty.http.server.HttpServer;

/** Watches a server of Reactor Netty, which does not use the bootstrap of Netty itself. */
public final class ReactorNetty {
  /** Its name among the places at which an application is observed. */
  static final String NAME = "Reactor Netty";

  private ReactorNetty() {}

  /** The same server, each of whose connections is watched. */
  public static HttpServer observe(HttpServer server, Sonde sonde) {
    if (!sonde.isEnabled()) {
      return server;
    }
    sonde.hooked(NAME);
    return server.doOnChannelInit(
        (observer, channel, remote) -> {
          // Streams of HTTP/2 are channels too, whose parent is the connection.
          if (channel.parent() instanceof ServerChannel) {
            SondeNetty.observe(sonde, channel);
          }
        });
  }
}
