// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.trace.Span;
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
  private final SondeJetty jetty;

  /** The innermost entry of this thread that changed the span; absent outside of any. */
  private final ThreadLocal<@Nullable Entry> innermost = new ThreadLocal<>();

  ContextWatch(SondeJetty jetty) {
    this.jetty = jetty;
  }

  @Override
  public void enterScope(Context context, @Nullable Request request) {
    if (request == null) {
      return;
    }
    Entry entry = innermost.get();
    if (entry != null && entry.request == request) {
      entry.depth++;
      return;
    }
    ObservedConnection connection = jetty.find(request);
    ObservedStream stream = connection == null ? null : connection.find(request);
    if (stream == null) {
      return;
    }
    ServletRoutes.tell(request, stream);
    Span span = stream.span();
    if (TraceContext.current() != span) {
      innermost.set(new Entry(request, TraceContext.use(span), entry));
    }
  }

  @Override
  public void exitScope(Context context, @Nullable Request request) {
    Entry entry = innermost.get();
    if (entry != null && entry.request == request && --entry.depth == 0) {
      entry.scope.close();
      if (entry.outer == null) {
        innermost.remove();
      } else {
        innermost.set(entry.outer);
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
