// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/**
 * Where capture hands on what it has seen.
 *
 * <p>Called on the server's own threads, possibly by many at once, in this order for a connection:
 * opened first; per request started, then ended; closed last, after the end of every request that
 * was started. What it throws is counted on the {@link ListenerScope} and goes no further.
 *
 * <p>The arguments are live objects that belong to capture: an outlet reads what it needs during
 * the call.
 */
public interface CaptureOutlet {
  /**
   * Whether anything is wanted at all; the answer never changes.
   *
   * <p>Adapters ask before they observe a connection, so that what nobody wants costs nothing.
   */
  default boolean isEnabled() {
    return true;
  }

  /**
   * Whether the start of each request is to be told before the close of its connection, whatever
   * the threads do; the answer never changes.
   *
   * <p>That costs the server's thread several atomic operations a request, where one is enough
   * otherwise. But then a request that begins while another thread is closing its connection may be
   * told of by its start alone, and its calls count as late; and a close in the very moment in
   * which a request's end was told may be left to {@link ListenerScope#sweep()}, which the outlet
   * has to call now and then.
   */
  default boolean tellsEveryStart() {
    return true;
  }

  /** A connection was accepted. */
  void connectionOpened(ConnectionState connection);

  /** The head of a request was parsed. */
  void requestStarted(Exchange exchange);

  /** A request ended; {@link Exchange#outcome()} tells how. */
  void requestEnded(Exchange exchange);

  /** A connection ended; {@link ConnectionState#closeReason()} tells why. */
  void connectionClosed(ConnectionState connection);

  /**
   * A limit of the server turned a connection away before it was accepted.
   *
   * @param limit which limit
   * @param nanos monotonic time in nanoseconds
   */
  void connectionRejected(ListenerScope listener, CloseHint limit, long nanos);
}
