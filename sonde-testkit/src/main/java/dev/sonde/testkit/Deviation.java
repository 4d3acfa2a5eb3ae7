// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

/**
 * A way in which a server legitimately differs from the others.
 *
 * <p>It changes what a scenario expects, or skips it where the server has no such thing; a fixture
 * gives a reason for each, which the report shows.
 */
public enum Deviation {
  /** A malformed head is not answered; the connection is just closed. */
  MALFORMED_UNANSWERED,
  /** A handler that throws before the head was sent makes the server drop the connection. */
  HANDLER_FAILURE_DROPS,
  /** A response that tells of a failure of the server's own ends its connection. */
  ERRORS_CLOSE,
  /** A request body that is cut short is answered by 4xx or 5xx before the client's leave shows. */
  UPLOAD_ABORT_ANSWERED,
  /** HTTP/1.0 is not spoken. */
  NO_HTTP10,
  /**
   * After a response to {@code Connection: close} the connection is left to the client to close.
   */
  CLOSE_LEFT_TO_CLIENT,
  /**
   * Until its first bytes tell a connection's protocol, it is neither timed out nor refused: they
   * may be the beginning of another one.
   */
  FIRST_BYTES_AWAITED,
  /** A head that stalls is not timed out. */
  NO_HEAD_TIMEOUT,
  /** There is no limit of requests on one connection. */
  NO_REQUEST_LIMIT,
  /** There is no limit of connections. */
  NO_CONNECTION_LIMIT,
  /** At the limit of connections the server stops accepting: the next one waits in the backlog. */
  CONNECTION_LIMIT_PAUSES,
  /** A stop does not wait for open requests. */
  NO_GRACEFUL_STOP,
  /** HTTP/2 is not spoken in cleartext after {@code Upgrade: h2c}. */
  NO_H2C_UPGRADE,
  /** The number of stream resets is not limited. */
  NO_RESET_LIMIT,
  /** The close of a connection on which nothing is sent is not seen, only inferred later. */
  CLOSE_UNSEEN,
  /** Requests that match no route are answered without being seen. */
  UNROUTED_UNSEEN,
  /** Requests that the server refuses before it looks for a route have none. */
  REFUSED_UNROUTED,
  /** The server writes its pages about errors behind the adapter: their bytes are not seen. */
  ERROR_PAGES_UNSEEN,
  /** A request body that is not HTTP is told as one whose client left in the middle. */
  MALFORMED_BODY_AS_LEAVE,
  /** To stop, the server connects to itself and wakes its acceptor: once for each port. */
  WAKES_ITSELF,
  /**
   * HTTP/2 responses use a header table for a client that has switched it off, too, of which the
   * dissector then reads the first ones only.
   */
  HEADER_TABLE_KEPT,
  /** Status lines have no reason phrase, without which {@code h2load} reads no status. */
  NO_REASON_PHRASE
}
