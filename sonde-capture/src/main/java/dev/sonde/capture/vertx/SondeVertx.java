// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import io.vertx.core.Vertx;
import io.vertx.core.spi.VertxMetricsFactory;
import io.vertx.core.spi.metrics.VertxMetrics;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Watches the HTTP servers of Vert.x 4.5 and 5.1.
 *
 * <pre>{@code
 * Vertx vertx = Vertx.builder().withMetrics(SondeVertx.metrics(sonde)).build();
 * }</pre>
 *
 * <p>The connections are watched by Netty's adapter; Vert.x adds the routes of its routers and the
 * answers on HTTP/2. A connection is watched once, whatever else watches Netty in this process.
 */
public final class SondeVertx {
  private SondeVertx() {}

  /**
   * What has every HTTP server of a Vert.x watched, for the builder of that Vert.x.
   *
   * <p>To be called before this process first binds a server that is built on Netty, because Netty
   * looks only then for extensions.
   */
  public static VertxMetricsFactory metrics(Sonde sonde) {
    return metrics(sonde::listener, sonde.isEnabled());
  }

  static VertxMetricsFactory metrics(
      BiFunction<String, Set<Capability>, ListenerScope> listeners, boolean isEnabled) {
    String name = ("Vert.x " + version()).strip();
    BiFunction<String, Set<Capability>, ListenerScope> named =
        (netty, capabilities) -> listeners.apply(name, capabilities);
    // Those of Vert.x itself measure nothing; of a factory that makes none it warns at its start.
    return options -> isEnabled ? VertxWatch.metrics(named) : new VertxMetrics() {};
  }

  /** What runs; Vert.x itself reads it there. */
  static String version() {
    try (InputStream version =
        Vertx.class.getResourceAsStream("/META-INF/vertx/vertx-version.txt")) {
      return version == null ? "" : new String(version.readAllBytes(), UTF_8).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
