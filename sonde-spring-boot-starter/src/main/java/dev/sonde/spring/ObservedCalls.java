// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.Exchange;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationView;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.ReceiverContext;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;

/**
 * Makes a function of every observation of Micrometer.
 *
 * <p>Where Micrometer traces too, the function has the ids of its span. The observation of the
 * request itself is not a function but the request, which then takes over the ids of that span.
 */
final class ObservedCalls implements ObservationHandler<Observation.Context> {
  private static final boolean HAS_TRACER =
      ClassUtils.isPresent(
          "io.micrometer.tracing.handler.TracingObservationHandler",
          ObservedCalls.class.getClassLoader());

  /** Scopes that are open on a thread, the innermost first. */
  private static final ThreadLocal<@Nullable Opened> INNERMOST = new ThreadLocal<>();

  private final Sonde sonde;

  ObservedCalls(Sonde sonde) {
    this.sonde = sonde;
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return sonde.isEnabled();
  }

  @Override
  public void onStart(Observation.Context context) {
    Call parent = parentOf(context);
    boolean isServer =
        context instanceof ReceiverContext<?> receiver && receiver.getKind() == Kind.SERVER;
    Call call;
    if (isServer && parent == null && TraceContext.currentWork() instanceof Exchange exchange) {
      // Its span is not asked for yet: then it would have one before the tracer has begun its own.
      call = new Call(context, exchange, null);
    } else {
      call = new Call(context, null, parent == null ? TraceContext.current() : parent.span());
    }
    context.put(Call.class, call);
  }

  private static @Nullable Call parentOf(Observation.Context context) {
    ObservationView parent = context.getParentObservation();
    return parent == null ? null : parent.getContextView().get(Call.class);
  }

  @Override
  public void onScopeOpened(Observation.Context context) {
    Call call = context.get(Call.class);
    if (call != null) {
      INNERMOST.set(new Opened(TraceContext.use(call.span()), INNERMOST.get()));
    }
  }

  @Override
  public void onScopeClosed(Observation.Context context) {
    Opened opened = INNERMOST.get();
    if (opened != null && context.containsKey(Call.class)) {
      close(opened);
    }
  }

  @Override
  public void onScopeReset(Observation.Context context) {
    for (Opened opened = INNERMOST.get(); opened != null; opened = opened.around) {
      close(opened);
    }
  }

  private static void close(Opened opened) {
    opened.scope.close();
    if (opened.around == null) {
      INNERMOST.remove();
    } else {
      INNERMOST.set(opened.around);
    }
  }

  @Override
  public void onStop(Observation.Context context) {
    Call call = context.get(Call.class);
    if (call == null || call.isRequest) {
      return;
    }
    Span span = call.span();
    if (!span.isSuppressed()) {
      String contextual = context.getContextualName();
      String name = contextual == null ? String.valueOf(context.getName()) : contextual;
      long end = System.nanoTime();
      sonde.emitter().function(span, name, end - call.startNanos, end, context.getError());
    }
  }

  /** A scope, and the one around it on the same thread. */
  private record Opened(TraceContext.Scope scope, @Nullable Opened around) {}

  /** One observation, whose span is decided when somebody needs it: its tracer begins later. */
  private static final class Call {
    final boolean isRequest;
    final long startNanos = System.nanoTime();
    private final Observation.Context context;
    private final @Nullable Span around;
    private final long requestId;
    private @Nullable Exchange request;
    private @Nullable Span span;

    Call(Observation.Context context, @Nullable Exchange request, @Nullable Span around) {
      this.context = context;
      this.around = around;
      this.request = request;
      isRequest = request != null;
      requestId = request == null ? 0 : request.id();
    }

    synchronized Span span() {
      Span known = span;
      if (known == null) {
        known = decide();
        span = known;
        request = null;
      }
      return known;
    }

    private Span decide() {
      Span traced = HAS_TRACER ? TracedCalls.span(context, around) : null;
      Exchange own = request;
      // The object may serve another request, if this one is over.
      if (own != null && own.id() == requestId && own.isOpen()) {
        if (traced != null) {
          own.trace(traced);
        }
        return own.span();
      }
      if (traced != null) {
        return traced;
      }
      return around == null ? Span.root() : around.child();
    }
  }
}
