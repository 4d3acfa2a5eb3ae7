// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring.boot3;

import dev.sonde.Sonde;
import dev.sonde.capture.reactor.SondeReactorNetty;
import org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;

/** Watches the Reactor Netty that Boot is about to make. */
public final class NettyCustomizer
    implements WebServerFactoryCustomizer<NettyReactiveWebServerFactory> {
  private final Sonde sonde;

  /** Watches for this Sonde. */
  public NettyCustomizer(Sonde sonde) {
    this.sonde = sonde;
  }

  @Override
  public void customize(NettyReactiveWebServerFactory factory) {
    factory.addServerCustomizers(server -> SondeReactorNetty.observe(server, sonde));
  }
}
