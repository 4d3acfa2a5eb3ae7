// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** What an adapter can see of its server; what is missing is shown, not guessed. */
public enum Capability {
  /** Connections from the moment they are accepted. */
  ACCEPT,
  /** Connections on which no byte ever arrives. */
  BYTELESS,
  /** Request heads that the server could not parse. */
  MALFORMED,
  /** Bytes on the wire, heads and framing included. */
  WIRE_BYTES,
  /** Time-outs told from other closes by the server's own word. */
  IDLE_EXACT,
  /** A client that leaves while nothing is written is noticed at once. */
  PASSIVE_DISCONNECT,
  /** HTTP/2 with its streams. */
  H2,
  /** WebSocket upgrades, and the connection from then on to its close. */
  WEBSOCKET,
  /** Route templates. */
  ROUTE,
  /**
   * On HTTP/1, how long a response waited for a client that took no more, and so how long the
   * application took.
   */
  BLOCKED_WRITES
}
