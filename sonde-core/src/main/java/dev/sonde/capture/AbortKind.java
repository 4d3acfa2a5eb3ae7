// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** How a request ended without a complete response. */
public enum AbortKind {
  /** The client reset the connection or this stream. */
  CLIENT_RESET(CloseHint.CONNECTION_RESET, false),
  /** The client's end of the connection was reached while the request was open. */
  READ_EOF(CloseHint.CLIENT_LEFT, true),
  /** Bytes of the response could not be written. */
  WRITE_FAILED(CloseHint.CLIENT_LEFT, true),
  /** The server reset this stream or cut this response. */
  SERVER_RESET(CloseHint.ABORTED_BY_APP, false),
  /** The server gave up waiting. */
  TIMEOUT(CloseHint.RESPONSE_TIMEOUT, false),
  /** The application threw and the response was not completed. */
  HANDLER_FAILED(CloseHint.ABORTED_BY_APP, false);

  private final CloseHint hint;
  private final boolean endsConnection;

  AbortKind(CloseHint hint, boolean endsConnection) {
    this.hint = hint;
    this.endsConnection = endsConnection;
  }

  /** What it says of the connection, where it says something. */
  CloseHint hint() {
    return hint;
  }

  /** Whether the client has left: the connection, or this stream. */
  boolean isByClient() {
    return this == CLIENT_RESET || this == READ_EOF || this == WRITE_FAILED;
  }

  /** Whether the whole connection is affected even if the request was one HTTP/2 stream. */
  boolean endsConnection() {
    return endsConnection;
  }
}
