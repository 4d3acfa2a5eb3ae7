// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;

/** The first of a listener's handlers: begins a request and makes its span the current one. */
final class ObservingHandler implements HttpHandler {
  private final HttpHandler application;
  private final ListenerWatch watch;

  ObservingHandler(HttpHandler application, ListenerWatch watch) {
    this.application = application;
    this.watch = watch;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws Exception {
    ObservedRequest request = watch.begin(exchange);
    if (request == null) {
      application.handleRequest(exchange);
    } else {
      request.serve(application);
    }
  }
}
