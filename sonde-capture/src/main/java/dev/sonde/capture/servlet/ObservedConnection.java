// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;

/** One connection, from its first request on. */
final class ObservedConnection {
  /*
   * The lock keeps the begin of a request and the close of the connection apart, so that a request
   * is never begun on a connection that the sweeper is closing; nothing that can block is done under
   * it. The end of a request needs none: the exchange lets only one of its ends count, and the
   * sweeper leaves a connection alone until the end of its last request is handed on.
   */

  /**
   * Sweeps in a row that must find nothing new. Counted and not timed: while a process stands still
   * its clients' requests wait, and so does the sweeper.
   */
  static final int SWEEPS = 8;

  private final ConnectionState state;
  private long sweptNanos;
  private int quietSweeps;
  private long lastStream;

  ObservedConnection(ConnectionState state) {
    this.state = state;
  }

  /**
   * Begins a request; returns null if the connection is over.
   *
   * @param streamId 0 on HTTP/1
   */
  synchronized @Nullable Exchange begin(HttpServletRequest request, long streamId) {
    if (streamId == 0 && state.openRequests() > 0) {
      // Another connection from the same port: this one is gone.
      closed(Initiator.UNKNOWN);
    }
    if (state.isClosed()) {
      return null;
    }
    Exchange begun =
        state.begin(
            -1,
            streamId,
            request.getMethod(),
            request.getRequestURI(),
            request.getProtocol(),
            System.nanoTime());
    String traceparent = request.getHeader("traceparent");
    if (traceparent != null) {
      begun.trace(traceparent, request.getHeader("tracestate"));
    }
    return begun;
  }

  /** A number for a stream of which the container tells none. */
  synchronized long nextStream() {
    lastStream++;
    return lastStream;
  }

  /** Tells why the connection is about to end, if a request of HTTP/1 is the cause. */
  void hint(Exchange cause, CloseHint hint) {
    if (cause.streamId() == 0) {
      state.hint(hint);
    }
  }

  /** It is over; whatever is open ends with it. */
  synchronized void closed(Initiator initiator) {
    if (!state.isClosed()) {
      state.closed(initiator, null, System.nanoTime());
    }
  }

  /**
   * Closes it if nothing is open and nothing has happened for so many sweeps; tells whether it is
   * over.
   */
  synchronized boolean closeIfQuiet() {
    long last = state.lastNanos();
    if (state.openRequests() > 0 || last != sweptNanos) {
      sweptNanos = last;
      quietSweeps = 0;
    } else {
      quietSweeps++;
      if (quietSweeps >= SWEEPS) {
        closed(Initiator.UNKNOWN);
      }
    }
    return state.isClosed();
  }

  /** The application is being taken out of service. */
  void stopped() {
    closed(Initiator.LOCAL);
  }

  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }
}
