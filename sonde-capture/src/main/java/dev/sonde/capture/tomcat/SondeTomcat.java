// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.catalina.connector.Connector;

/**
 * Watches the connectors of a Tomcat, 10.1 or 11.
 *
 * <pre>{@code
 * Tomcat tomcat = new Tomcat();
 * Connector connector = SondeTomcat.connector(sonde);
 * connector.setPort(8080);
 * tomcat.setConnector(connector);
 * }</pre>
 *
 * <p>Where somebody else makes the connectors by the name of a protocol, as Spring Boot and {@code
 * server.xml} do, {@link #PROTOCOL} is that name, and {@link #observe} then says to whom they tell.
 */
public final class SondeTomcat {
  /**
   * Name of the request attribute by which an application says its route template, such as {@code
   * /users/{id}}; it goes before what is found out otherwise.
   */
  public static final String ROUTE_ATTRIBUTE = "dev.sonde.route";

  /**
   * Name of the request attribute by which an application says what failed, a {@link Throwable}; it
   * goes before what the container says, and counts if the response is a 5xx.
   */
  public static final String ERROR_ATTRIBUTE = "dev.sonde.error";

  /**
   * Name of the protocol, to be given where Tomcat takes {@code HTTP/1.1}; it is Tomcat's own NIO
   * protocol, with all of its settings.
   */
  public static final String PROTOCOL = "dev.sonde.capture.tomcat.ObservedProtocol";

  private SondeTomcat() {}

  /**
   * A connector all of whose connections are seen, to be configured like any other and added to a
   * service.
   */
  public static Connector connector(Sonde sonde) {
    return connector(sonde::listener);
  }

  /**
   * Has a connector of {@link #PROTOCOL} tell what it does; call it before the connector starts.
   *
   * @throws IllegalArgumentException if the connector has another protocol
   */
  public static void observe(Connector connector, Sonde sonde) {
    observe(connector, sonde::listener);
  }

  static Connector connector(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    Connector connector = new Connector(new ObservedProtocol());
    observe(connector, listeners);
    return connector;
  }

  static void observe(
      Connector connector, BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    if (!(connector.getProtocolHandler() instanceof ObservedProtocol protocol)) {
      throw new IllegalArgumentException(
          "protocol must be " + PROTOCOL + ", was " + connector.getProtocolHandlerClassName());
    }
    protocol.tell(listeners);
    connector.addLifecycleListener(new ValveInstaller(protocol));
  }
}
