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
   * keeps that, the ends and the sweeper apart; nothing that can block is done under it. What comes
   * of a request that is not the current one any more is too late, and left out.
   *
   * An exchange serves the next request once its request has ended and its handler has returned, in
   * either order. What the application calls after both reaches it no more: of a response that has
   * ended nothing is told, and one whose body may still be read is not used again.
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

  /** The head of its response was sent, and a body follows. */
  void committed(ObservedRequest request, int status) {
    try {
      request.exchange().committed(status, System.nanoTime());
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** The last byte of its response was handed to the socket. */
  synchronized void complete(ObservedRequest request, long nanos) {
    try {
      if (current == request) {
        current = null;
        request.complete(nanos);
        if (request.closesConnection()) {
          closed(Initiator.LOCAL);
        } else {
          partEnds(request);
        }
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Its handler has returned, and the span of the request is not current any more. */
  synchronized void handled(ObservedRequest request) {
    try {
      partEnds(request);
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** The second call, of end and handler, has nothing behind it that touches the exchange. */
  private static void partEnds(ObservedRequest request) {
    if (request.partEnds()) {
      request.exchange().release();
    }
  }

  /** Its application failed. */
  synchronized void failed(ObservedRequest request, Throwable thrown) {
    try {
      if (current == request) {
        request.exchange().failed(thrown);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** It ended without a complete response, and the connection with it. */
  synchronized void abort(
      ObservedRequest request, AbortKind kind, Initiator initiator, @Nullable Throwable cause) {
    try {
      if (current == request) {
        current = null;
        if (state.listener().isStopping() && initiator == Initiator.LOCAL) {
          state.hint(CloseHint.SHUTDOWN);
        }
        request.abort(kind, cause);
        closed(initiator);
      }
    } catch (Throwable t) {
      fault(t);
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

  /** A write of the response went on for so long; only one that took a while has waited. */
  void wrote(ObservedRequest request, long beginNanos, long endNanos) {
    if (endNanos - beginNanos >= WAITED_NANOS) {
      waited(request, beginNanos, endNanos);
    }
  }

  private synchronized void waited(ObservedRequest request, long beginNanos, long endNanos) {
    try {
      if (current == request) {
        state.writeBlocked(beginNanos);
        state.writeResumed(endNanos);
      }
    } catch (Throwable t) {
      fault(t);
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
