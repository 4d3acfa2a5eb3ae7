// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** How a request ended without a complete response. */
public enum AbortKind {
  /** The client reset the connection or this stream. */
  CLIENT_RESET,
  /** The client's end of the connection was reached while the request was open. */
  READ_EOF,
  /** Bytes of the response could not be written. */
  WRITE_FAILED,
  /** The server reset this stream or cut this response. */
  SERVER_RESET,
  /** The server gave up waiting. */
  TIMEOUT,
  /** The application threw after the response head had been sent. */
  HANDLER_FAILED
}
