// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The servers that the demo can run its shop on; the first is the default. */
public enum DemoServer {
  /** Eclipse Jetty. */
  JETTY,
  /** The JDK's own {@code com.sun.net.httpserver}. */
  JDK,
  /** Undertow. */
  UNDERTOW,
  /** Apache Tomcat. */
  TOMCAT,
  /** Netty. */
  NETTY,
  /** Spring Boot, with Spring MVC on Tomcat. */
  SPRING;

  /** The name that the command line gives it: lower case. */
  public String optionName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The names of all, the default first. */
  public static List<String> names() {
    return Arrays.stream(values()).map(DemoServer::optionName).toList();
  }

  /**
   * The server of a name.
   *
   * @throws IllegalArgumentException if there is none; the message lists those that there are
   */
  public static DemoServer named(String name) {
    for (DemoServer server : values()) {
      if (server.optionName().equals(name)) {
        return server;
      }
    }
    throw new IllegalArgumentException(
        "must be one of " + String.join(", ", names()) + "; was " + name);
  }

  /**
   * Starts it on the loopback address and returns once it accepts.
   *
   * @param dashboard for a server that would open one by itself
   * @param port 0 for any free one
   * @throws IOException or an unchecked exception, a {@link java.net.BindException} or caused by
   *     one, if the port is taken
   */
  ShopServer start(Shop shop, Sonde sonde, Dashboard dashboard, int port) throws IOException {
    return switch (this) {
      case JETTY -> JettyShop.start(shop, sonde, port);
      case JDK -> JdkShop.start(shop, sonde, port);
      case UNDERTOW -> UndertowShop.start(shop, sonde, port);
      case TOMCAT -> TomcatShop.start(shop, sonde, port);
      case NETTY -> NettyShop.start(shop, sonde, port);
      case SPRING -> SpringShop.start(shop, sonde, dashboard, port);
    };
  }
}
