// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring.boot3;

import dev.sonde.Sonde;
import dev.sonde.spring.EmbeddedTomcat;
import org.springframework.boot.web.embedded.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.embedded.tomcat.TomcatReactiveWebServerFactory;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.core.Ordered;

/**
 * Watches the Tomcat that Boot is about to make; first, so that the application has the last word.
 */
public final class TomcatCustomizer
    implements WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory>, Ordered {
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
  public void customize(ConfigurableTomcatWebServerFactory factory) {
    if (factory instanceof TomcatServletWebServerFactory servlets) {
      servlets.setProtocol(EmbeddedTomcat.PROTOCOL);
    } else if (factory instanceof TomcatReactiveWebServerFactory reactive) {
      reactive.setProtocol(EmbeddedTomcat.PROTOCOL);
    }
    factory.addConnectorCustomizers(connector -> EmbeddedTomcat.observe(connector, sonde));
  }
}
