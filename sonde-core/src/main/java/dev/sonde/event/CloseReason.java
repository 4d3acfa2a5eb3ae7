// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/** Why a connection ended. */
public enum CloseReason {
  /** All that was asked for was answered, and one side closed. */
  COMPLETE("complete"),
  /** The server gave up waiting. */
  TIMEOUT("timeout"),
  /** The client left while a request was open. */
  CLIENT_DISCONNECT("client_disconnect"),
  /** A protocol, TLS or application failure made the server close. */
  ERROR("error"),
  /** A limit of the server made it close. */
  BACKPRESSURE("backpressure"),
  /** The server was being stopped. */
  SERVER_SHUTDOWN("server_shutdown");

  private final String jsonName;

  CloseReason(String jsonName) {
    this.jsonName = jsonName;
  }

  /** Name in JSON and in labels. */
  public String jsonName() {
    return jsonName;
  }
}
