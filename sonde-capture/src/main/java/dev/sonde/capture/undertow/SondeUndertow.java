// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import io.undertow.Undertow;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.AttachmentKey;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Watches the listeners of an Undertow server, 2.3.
 *
 * <pre>{@code
 * Undertow server = Undertow.builder().addHttpListener(8080, "0.0.0.0", handler).build();
 * server.start();
 * SondeUndertow.observe(server, sonde);
 * }</pre>
 *
 * <p>HTTP and HTTPS listeners are watched. Left as they are: AJP listeners, and those that speak
 * the PROXY protocol, whose connections are other ones to Undertow than on the wire.
 */
public final class SondeUndertow {
  /**
   * Name of the request attribute by which a servlet says its route template, such as {@code
   * /users/{id}}; it goes before what is found out otherwise.
   */
  public static final String ROUTE_ATTRIBUTE = "dev.sonde.route";

  static final AttachmentKey<String> ROUTE = AttachmentKey.create(String.class);

  private SondeUndertow() {}

  /**
   * Watches every connection that the server accepts from now on; call it right after each start.
   *
   * @throws IllegalStateException if the server is not started, or is observed already
   * @throws UnsupportedOperationException if this version of Undertow is another one inside than
   *     the adapter knows
   */
  public static void observe(Undertow server, Sonde sonde) {
    observe(server, sonde::listener);
  }

  /**
   * Says the route template of a request, such as {@code /users/{id}}; it goes before what is found
   * out otherwise. Call it before the response ends.
   */
  public static void route(HttpServerExchange exchange, String template) {
    exchange.putAttachment(ROUTE, template);
  }

  static void observe(
      Undertow server, BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    for (OpenListeners.Listener listener : OpenListeners.of(server)) {
      ListenerWatch.install(listener, listeners);
    }
  }
}
