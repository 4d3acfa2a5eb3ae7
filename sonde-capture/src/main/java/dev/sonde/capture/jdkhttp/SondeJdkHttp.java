// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Watches the HTTP server of the JDK.
 *
 * <pre>{@code
 * HttpServer server = SondeJdkHttp.observe(HttpServer.create(address, 0), sonde);
 * server.createContext("/users/", usersHandler);
 * }</pre>
 *
 * <p>The server tells of a request when it calls a context, and of nothing else. So a connection is
 * known from its first request on; its close is seen when the response says so, when a write fails,
 * when the handler fails and when the server stops. Otherwise it counts as closed when the server
 * must have closed it: after {@code sun.net.httpserver.idleInterval} and one turn of the clock that
 * looks for idle connections.
 */
public final class SondeJdkHttp {
  private static final Set<Capability> CAPABILITIES =
      EnumSet.of(Capability.ROUTE, Capability.BLOCKED_WRITES);

  /** The server looks for idle connections this often (its property {@code clockTick}). */
  private static final Duration TURN = Duration.ofSeconds(10);

  private static final long DEFAULT_IDLE_SECONDS = 30;

  private SondeJdkHttp() {}

  /**
   * The server, to be used in place of {@code server}: contexts that are created by it are watched.
   *
   * @param server not started yet and without contexts
   */
  public static HttpServer observe(HttpServer server, Sonde sonde) {
    return observe(server, sonde::listener, unseenAfter());
  }

  /**
   * The server, to be used in place of {@code server}: contexts that are created by it are watched.
   *
   * @param server not started yet and without contexts
   */
  public static HttpsServer observe(HttpsServer server, Sonde sonde) {
    return observe(server, sonde::listener, unseenAfter());
  }

  /**
   * Says the route template of a request, such as {@code /users/{id}}; it goes before the path of
   * its context.
   *
   * @param exchange as the handler got it; any other is ignored
   */
  public static void route(HttpExchange exchange, String template) {
    ObservedRequest request = requestOf(exchange);
    if (request != null) {
      request.route(template);
    }
  }

  /**
   * Tells what failed in a request that the handler goes on to answer by itself.
   *
   * @param exchange as the handler got it; any other is ignored
   */
  public static void failed(HttpExchange exchange, Throwable failure) {
    ObservedRequest request = requestOf(exchange);
    if (request != null) {
      request.failed(failure);
    }
  }

  static HttpServer observe(
      HttpServer server,
      BiFunction<String, Set<Capability>, ListenerScope> listeners,
      Duration unseenAfter) {
    if (server instanceof HttpsServer secure) {
      return observe(secure, listeners, unseenAfter);
    }
    ListenerScope scope = scope(listeners);
    return scope.isEnabled() && !(server instanceof ObservedServer)
        ? new ObservedServer(server, new ServerWatch(scope, false, unseenAfter))
        : server;
  }

  static HttpsServer observe(
      HttpsServer server,
      BiFunction<String, Set<Capability>, ListenerScope> listeners,
      Duration unseenAfter) {
    ListenerScope scope = scope(listeners);
    return scope.isEnabled() && !(server instanceof ObservedHttpsServer)
        ? new ObservedHttpsServer(server, new ServerWatch(scope, true, unseenAfter))
        : server;
  }

  static @Nullable ObservedRequest requestOf(HttpExchange exchange) {
    if (exchange instanceof ObservedExchange observed) {
      return observed.request();
    }
    return exchange instanceof ObservedHttpsExchange observed ? observed.request() : null;
  }

  private static ListenerScope scope(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    return listeners.apply("JDK HttpServer " + System.getProperty("java.version"), CAPABILITIES);
  }

  private static Duration unseenAfter() {
    long seconds = Long.getLong("sun.net.httpserver.idleInterval", DEFAULT_IDLE_SECONDS);
    return Duration.ofSeconds(seconds > 0 ? seconds : DEFAULT_IDLE_SECONDS).plus(TURN);
  }
}
