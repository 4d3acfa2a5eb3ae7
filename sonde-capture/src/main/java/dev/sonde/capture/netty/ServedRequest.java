// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import io.netty.util.concurrent.FastThreadLocal;
import org.jspecify.annotations.Nullable;

/**
 * A request on a watched connection, to which the server that is built on Netty adds what only it
 * knows.
 *
 * <p>For adapters of such servers, see {@link ServedLoops}. All methods are to be called on the
 * event loop of the connection, but for {@link #route}.
 */
public abstract class ServedRequest {
  /*
   * A server tells that it begins a request while the codec hands on its head; that request is the
   * current work of the thread, and nobody has taken it yet. Two begin at another time: a pipelined
   * one, right after the end of the answer before it, which may come while the thread handles a
   * request of another connection; and the one that asked for an upgrade. Those are left in NEXT.
   */
  private static final FastThreadLocal<@Nullable ServedRequest> NEXT = new FastThreadLocal<>();

  private boolean isTaken;

  ServedRequest() {}

  /** The request that the server begins to serve on this thread now, or null if none is watched. */
  public static @Nullable ServedRequest begun() {
    if (TraceContext.currentWork() instanceof Exchange exchange
        && exchange.attachment() instanceof ServedRequest current
        && !current.isTaken) {
      current.isTaken = true;
      return current;
    }
    ServedRequest next = NEXT.get();
    if (next == null) {
      return null;
    }
    NEXT.set(null);
    Exchange told = next.exchange();
    if (told == null || !told.isOpen()) {
      return null;
    }
    next.isTaken = true;
    return next;
  }

  /** Says which request begins next on this thread, or null if none waits. */
  static void next(@Nullable ServedRequest request) {
    if (request != null || NEXT.get() != null) {
      NEXT.set(request);
    }
  }

  /** Says that the connection of a request is closed, so that it will not begin. */
  static void forget(ServedRequest request) {
    if (NEXT.get() == request) {
      NEXT.set(null);
    }
  }

  /** What it tells; null of a head that could not be parsed. */
  abstract @Nullable Exchange exchange();

  /** Makes it one that nobody has begun to serve. */
  final void renew() {
    isTaken = false;
  }

  /** Says the template that matched; null leaves it as it is. Any thread, before the end. */
  public final void route(@Nullable String template) {
    Exchange told = exchange();
    if (told != null) {
      told.route(template);
    }
  }

  /**
   * The server hands the head of its answer to the codec.
   *
   * @return whether its length is to be {@linkplain #announced announced}
   */
  public abstract boolean answered(int status);

  /** The answer will have so many body bytes, if positive. */
  public void announced(long bodyBytes) {}

  /** The server hands the last of its answer to the codec; the head as well, if not before. */
  public abstract void ended(int status);
}
