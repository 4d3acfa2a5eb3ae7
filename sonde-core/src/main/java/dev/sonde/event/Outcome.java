// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/** How a request ended, apart from its status. */
public enum Outcome {
  /** The whole response was handed to the socket. */
  COMPLETED("completed"),
  /** The client left before the response head was sent. */
  CLIENT_ABORT_BEFORE_HEADERS("client_abort_before_headers"),
  /** The client left after the response head was sent and before its end. */
  CLIENT_ABORT_DURING_BODY("client_abort_during_body"),
  /** The server gave up waiting for the client or for the application. */
  SERVER_TIMEOUT("server_timeout"),
  /** The application failed and the response was not completed. */
  APP_ERROR("app_error"),
  /** The server refused the request before the application saw it. */
  REJECTED("rejected");

  private final String jsonName;

  Outcome(String jsonName) {
    this.jsonName = jsonName;
  }

  /** Name in JSON and in labels. */
  public String jsonName() {
    return jsonName;
  }

  /** Whether the client went away. */
  public boolean isClientAbort() {
    return this == CLIENT_ABORT_BEFORE_HEADERS || this == CLIENT_ABORT_DURING_BODY;
  }
}
