// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring.boot3;

import dev.sonde.Sonde;
import dev.sonde.capture.jetty.SondeJetty;
import org.springframework.boot.web.embedded.jetty.ConfigurableJettyWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;

/** Watches the Jetty that Boot is about to make. */
public final class JettyCustomizer
    implements WebServerFactoryCustomizer<ConfigurableJettyWebServerFactory> {
  private final Sonde sonde;

  /** Watches for this Sonde. */
  public JettyCustomizer(Sonde sonde) {
    this.sonde = sonde;
  }

  @Override
  public void customize(ConfigurableJettyWebServerFactory factory) {
    factory.addServerCustomizers(server -> server.addBean(SondeJetty.on(sonde)));
  }
}
