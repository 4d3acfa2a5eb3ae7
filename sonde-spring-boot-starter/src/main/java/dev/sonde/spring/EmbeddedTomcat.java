// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.tomcat.SondeTomcat;
import org.apache.catalina.connector.Connector;

/** Watches a connector of the Tomcat that Boot makes by the name of a protocol. */
public final class EmbeddedTomcat {
  /** Name of the protocol that Boot is to make connectors of. */
  public static final String PROTOCOL = SondeTomcat.PROTOCOL;

  private EmbeddedTomcat() {}

  /** Watches a connector, unless the application insists on a protocol of its own choice. */
  public static void observe(Connector connector, Sonde sonde) {
    if (connector.getProtocolHandlerClassName().equals(PROTOCOL)) {
      SondeTomcat.observe(connector, sonde);
    }
  }
}
