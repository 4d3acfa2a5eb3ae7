// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import org.eclipse.jetty.server.Context;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.jspecify.annotations.Nullable;

/**
 * Hears of every entry into a web application: the first, and those of asynchronous dispatches on
 * other threads, for which it makes the request's span current.
 */
final class ContextWatch implements ContextHandler.ContextScopeListener {
  /** The innermost entry of a thread that changed the span; absent outside of any. */
  private static final ThreadLocal<@Nullable Entry> INNERMOST = new ThreadLocal<>();

  private final SondeJetty jetty;

  ContextWatch(SondeJetty jetty) {
    this.jetty = jetty;
  }

  @Override
  public void enterScope(Context context, @Nullable Request request) {
    if (request == null) {
      return;
    }
    Entry entry = INNERMOST.get();
    if (entry != null && entry.request == request) {
      entry.depth++;
      return;
    }
    ObservedConnection connection = jetty.find(request);
    if (connection != null) {
      try {
        enter(request, connection, entry);
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }

  private static void enter(
      Request request, ObservedConnection connection, @Nullable Entry around) {
    ObservedStream stream = connection.find(request);
    if (stream == null) {
      return;
    }
    ServletRoutes.tell(request, stream);
    Exchange exchange = stream.exchange();
    if (!TraceContext.isIn(exchange)) {
      INNERMOST.set(new Entry(request, TraceContext.use(exchange.span()), around));
    }
  }

  @Override
  public void exitScope(Context context, @Nullable Request request) {
    Entry entry = INNERMOST.get();
    if (entry != null && entry.request == request && --entry.depth == 0) {
      entry.scope.close();
      if (entry.outer == null) {
        INNERMOST.remove();
      } else {
        INNERMOST.set(entry.outer);
      }
    }
  }

  /** One entry that changed the span. */
  private static final class Entry {
    final Request request;
    final TraceContext.Scope scope;
    final @Nullable Entry outer;
    int depth = 1;

    Entry(Request request, TraceContext.Scope scope, @Nullable Entry outer) {
      this.request = request;
      this.scope = scope;
      this.outer = outer;
    }
  }
}
