// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.http.DirectHandler;
import io.helidon.http.ServerResponseHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.DirectHandlers;

/**
 * Hears of what a request failed with and no error handler of the application took.
 *
 * @param handler that answers
 */
record ObservingDirectHandler(DirectHandler handler, ObservedRequest request)
    implements DirectHandler {
  /** The handlers, for one request. */
  static DirectHandlers of(DirectHandlers handlers, ObservedRequest request) {
    DirectHandlers.Builder observing = DirectHandlers.builder();
    for (EventType type : EventType.values()) {
      observing.addHandler(type, new ObservingDirectHandler(handlers.handler(type), request));
    }
    return observing.build();
  }

  @Override
  public TransportResponse handle(
      TransportRequest transport,
      EventType eventType,
      Status defaultStatus,
      ServerResponseHeaders responseHeaders,
      Throwable thrown) {
    request.failed(thrown);
    return handler.handle(transport, eventType, defaultStatus, responseHeaders, thrown);
  }

  @Override
  public TransportResponse handle(
      TransportRequest transport,
      EventType eventType,
      Status defaultStatus,
      ServerResponseHeaders responseHeaders,
      Throwable thrown,
      System.Logger logger) {
    request.failed(thrown);
    return handler.handle(transport, eventType, defaultStatus, responseHeaders, thrown, logger);
  }

  @Override
  public TransportResponse handle(
      TransportRequest transport,
      EventType eventType,
      Status defaultStatus,
      ServerResponseHeaders responseHeaders,
      String message) {
    return handler.handle(transport, eventType, defaultStatus, responseHeaders, message);
  }
}
