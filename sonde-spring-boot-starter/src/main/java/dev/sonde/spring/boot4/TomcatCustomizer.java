// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring.boot4;

import dev.sonde.Sonde;
import dev.sonde.spring.EmbeddedTomcat;
import org.springframework.boot.tomcat.TomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.core.Ordered;

/**
 * Watches the Tomcat that Boot is about to make; first, so that the application has the last word.
 */
public final class TomcatCustomizer
    implements WebServerFactoryCustomizer<TomcatWebServerFactory>, Ordered {
  private final Sonde sonde;

  /** Watches for this Sonde. */
  public TomcatCustomizer(Sonde sonde) {
    this.sonde = sonde;
  }

  @Override
  public int getOrder() {
    return HIGHEST_PRECEDENCE;
  }

  @Override
  public void customize(TomcatWebServerFactory factory) {
    if (factory.getProtocol().equals(TomcatWebServerFactory.DEFAULT_PROTOCOL)) {
      factory.setProtocol(EmbeddedTomcat.PROTOCOL);
    }
    factory.addConnectorCustomizers(connector -> EmbeddedTomcat.observe(connector, sonde));
  }
}
