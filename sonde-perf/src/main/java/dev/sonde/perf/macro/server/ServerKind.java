// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import io.netty.handler.codec.http.HttpServerCodec;
import io.undertow.Version;
import io.vertx.core.impl.launcher.commands.VersionCommand;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.catalina.util.ServerInfo;
import org.eclipse.jetty.server.Server;
import org.jspecify.annotations.Nullable;
import reactor.netty.ReactorNetty;

/** The servers that a hello-world can be started on. */
public enum ServerKind {
  /** Jetty's core, with the connector of Sonde. */
  JETTY(() -> "Jetty " + Server.getVersion(), JettyHello::start),
  /** Netty's HTTP/1.1 codec and a handler. */
  NETTY(
      () -> "Netty " + HttpServerCodec.class.getPackage().getImplementationVersion(),
      NettyHello::start),
  /** Tomcat and a servlet, with the connector of Sonde. */
  TOMCAT(() -> ServerInfo.getServerInfo().replace("Apache ", ""), TomcatHello::start),
  /** The same Tomcat with its own connector and the filter of Sonde. */
  FILTER(TOMCAT.version, TomcatHello::startFiltered),
  /** Undertow and a handler on its I/O thread. */
  UNDERTOW(() -> "Undertow " + Version.getVersionString(), UndertowHello::start),
  /** Vert.x without a router. */
  VERTX(() -> "Vert.x " + VersionCommand.getVersion(), VertxHello::start),
  /** Reactor Netty without a router. */
  REACTOR(
      () -> "Reactor Netty " + ReactorNetty.class.getPackage().getImplementationVersion(),
      ReactorNettyHello::start),
  /** The JDK's server, its handlers on the thread of its dispatcher. */
  JDK(() -> "HttpServer of JDK " + Runtime.version(), JdkHello::start),
  /** Helidon and a route, where the JDK is new enough for it. */
  HELIDON(() -> "Helidon 4", ServerKind::startHelidon);

  private final Supplier<String> version;
  private final Start start;

  ServerKind(Supplier<String> version, Start start) {
    this.version = version;
    this.start = start;
  }

  /**
   * Returns the server of this name on the command line.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static ServerKind of(String key) {
    for (ServerKind kind : values()) {
      if (kind.key().equals(key)) {
        return kind;
      }
    }
    String known = Arrays.stream(values()).map(ServerKind::key).collect(Collectors.joining(", "));
    throw new IllegalArgumentException("server must be one of " + known + ", was " + key);
  }

  /** Returns its name on the command line. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Returns its name and version, for people. */
  public String version() {
    return version.get();
  }

  /**
   * Starts it on a free port.
   *
   * @param sonde its observer, or null if there is to be none
   */
  public HelloServer start(Hello hello, @Nullable Sonde sonde) throws Exception {
    return start.start(hello, sonde);
  }

  private static HelloServer startHelidon(Hello hello, @Nullable Sonde sonde) throws Exception {
    Class<?> type;
    try {
      type = Class.forName(ServerKind.class.getPackageName() + ".HelidonHello");
    } catch (ClassNotFoundException e) {
      throw new UnsupportedOperationException(
          "Helidon needs Java 21: build and run with such a JDK", e);
    }
    return (HelloServer)
        type.getDeclaredMethod("start", Hello.class, Sonde.class).invoke(null, hello, sonde);
  }

  private interface Start {
    HelloServer start(Hello hello, @Nullable Sonde sonde) throws Exception;
  }
}
