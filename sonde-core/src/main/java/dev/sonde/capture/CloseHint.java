// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.CloseReason;
import org.jspecify.annotations.Nullable;

/**
 * What a server lets an adapter know about the end of a connection before it ends.
 *
 * <p>The first hint given to a connection decides its {@link CloseReason}; without one the reason
 * is inferred from who closed and from what was open.
 */
public enum CloseHint {
  /** The listener or the whole server is being stopped. */
  SHUTDOWN(CloseReason.SERVER_SHUTDOWN, null),
  /** No request came for longer than the keep-alive time-out. */
  KEEP_ALIVE_TIMEOUT(CloseReason.TIMEOUT, "keep_alive_timeout"),
  /** A request head was begun and not finished in time. */
  REQUEST_HEADERS_TIMEOUT(CloseReason.TIMEOUT, "request_headers_timeout"),
  /** The request body did not arrive in time. */
  REQUEST_BODY_TIMEOUT(CloseReason.TIMEOUT, "request_body_timeout"),
  /** The client did not read the response in time. */
  WRITE_TIMEOUT(CloseReason.TIMEOUT, "write_timeout"),
  /** The application did not answer in time. */
  RESPONSE_TIMEOUT(CloseReason.TIMEOUT, "response_timeout"),
  /** The client closed its end while a request was open. */
  CLIENT_LEFT(CloseReason.CLIENT_DISCONNECT, null),
  /** The client reset the connection. */
  CONNECTION_RESET(CloseReason.CLIENT_DISCONNECT, "connection_reset"),
  /** The server accepted more connections than it may hold. */
  MAX_CONNECTIONS(CloseReason.BACKPRESSURE, "max_connections"),
  /** The connection has served as many requests as it may. */
  MAX_REQUESTS(CloseReason.COMPLETE, "max_requests"),
  /** The client reset streams faster than the server allows. */
  RAPID_RESET(CloseReason.BACKPRESSURE, "rapid_reset"),
  /** A request whose head or body is not HTTP. */
  MALFORMED_REQUEST(CloseReason.ERROR, "malformed_request"),
  /** The peers did not agree on TLS. */
  TLS_HANDSHAKE_FAILED(CloseReason.ERROR, "tls_handshake_failed"),
  /** HTTP/2 or WebSocket rules were broken. */
  PROTOCOL_ERROR(CloseReason.ERROR, "protocol_error"),
  /** The application failed or closed in the middle of a response. */
  ABORTED_BY_APP(CloseReason.ERROR, "aborted_by_app");

  private final CloseReason reason;
  private final @Nullable String detail;

  CloseHint(CloseReason reason, @Nullable String detail) {
    this.reason = reason;
    this.detail = detail;
  }

  /** The reason that this hint decides. */
  public CloseReason reason() {
    return reason;
  }

  /** What is said beside the reason, or null. */
  public @Nullable String detail() {
    return detail;
  }
}
