// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.HttpExchange;
import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/** One connection, from its first request on. */
final class ObservedConnection {
  /**
   * The server's writes block and do not tell whether they had to; one that need not takes less.
   */
  private static final long WAITED_NANOS = 1_000_000;

  /*
   * The server may hand the next request of a connection to another thread while the one that sent
   * the last byte of this response has not returned from its write. So begin() completes a request
   * whose last write is in flight: the next head is only read when that write is done. The lock
   * keeps that, the ends and the sweeper apart; nothing that can block is done under it.
   */
  private final ConnectionState state;
  private @Nullable ObservedRequest current;

  ObservedConnection(ConnectionState state) {
    this.state = state;
  }

  /** Begins a request; returns null if the connection is over. */
  synchronized @Nullable ObservedRequest begin(HttpExchange exchange) {
    ObservedRequest last = current;
    if (last != null) {
      if (last.isFinishing()) {
        complete(last, System.nanoTime());
      } else {
        // Still open: another connection from the same port, and this one is gone.
        closed(Initiator.UNKNOWN);
      }
    }
    if (state.isClosed()) {
      return null;
    }
    URI uri = exchange.getRequestURI();
    String path = uri.getRawPath();
    Exchange begun =
        state.begin(
            -1,
            0,
            exchange.getRequestMethod(),
            path == null || path.isEmpty() ? uri.toString() : path,
            exchange.getProtocol(),
            System.nanoTime());
    ObservedRequest request = new ObservedRequest(this, begun, exchange);
    current = request;
    return request;
  }

  /** The last byte of its response was handed to the socket. */
  synchronized void complete(ObservedRequest request, long nanos) {
    if (current == request) {
      current = null;
      request.complete(nanos);
      if (request.closesConnection()) {
        closed(Initiator.LOCAL);
      } else {
        leave(request);
      }
    }
  }

  /** Its handler has returned, and the span of the request is not current any more. */
  synchronized void handled(ObservedRequest request) {
    leave(request);
  }

  /** The second call, of end and handler, has nothing behind it that touches the exchange. */
  private static void leave(ObservedRequest request) {
    if (request.isLeft()) {
      request.exchange().release();
    }
  }

  /** Its application failed. */
  synchronized void failed(ObservedRequest request, Throwable thrown) {
    if (current == request) {
      request.exchange().failed(thrown);
    }
  }

  /** It ended without a complete response, and the connection with it. */
  synchronized void abort(
      ObservedRequest request, AbortKind kind, Initiator initiator, @Nullable Throwable cause) {
    if (current == request) {
      current = null;
      if (state.listener().isStopping() && initiator == Initiator.LOCAL) {
        state.hint(CloseHint.SHUTDOWN);
      }
      request.abort(kind, cause);
      closed(initiator);
    }
  }

  /**
   * Closes it if nothing is open and nothing has happened for so long; tells whether it is over.
   */
  synchronized boolean closeIfQuiet(long nowNanos, long quietNanos) {
    if (current == null && !state.isClosed() && nowNanos - state.lastNanos() > quietNanos) {
      closed(Initiator.UNKNOWN);
    }
    return state.isClosed();
  }

  /** The server has stopped, and closed it if nobody did before. */
  synchronized void stopped() {
    closed(Initiator.LOCAL);
  }

  /**
   * A write of the response went on for so long; only one that took a while has waited.
   *
   * <p>Called by the one thread that writes.
   */
  void wrote(long beginNanos, long endNanos) {
    if (endNanos - beginNanos >= WAITED_NANOS) {
      state.writeBlocked(beginNanos);
      state.writeResumed(endNanos);
    }
  }

  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }

  private void closed(Initiator initiator) {
    current = null;
    if (!state.isClosed()) {
      state.closed(initiator, null, System.nanoTime());
    }
  }
}
