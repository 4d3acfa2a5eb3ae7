// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/** What is spoken on a connection. */
public enum Protocol {
  /** Not negotiated yet, or not to be known. */
  UNKNOWN("unknown"),
  /** HTTP/1.0 or HTTP/1.1. */
  H1("h1"),
  /** HTTP/2, with or without TLS. */
  H2("h2"),
  /** WebSocket, after an upgrade. */
  WEBSOCKET("websocket");

  private final String jsonName;

  Protocol(String jsonName) {
    this.jsonName = jsonName;
  }

  /** Name in JSON and in labels. */
  public String jsonName() {
    return jsonName;
  }
}
