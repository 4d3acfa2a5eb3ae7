// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.trace.Span;
import io.micrometer.observation.Observation;
import io.micrometer.tracing.TraceContext;
import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import org.jspecify.annotations.Nullable;

/** Spans of Micrometer's tracer; apart, so that it is linked only where there is one. */
final class TracedCalls {
  private static final int HALF = 16;

  private TracedCalls() {}

  /**
   * The span that the tracer began for an observation, or null if it did not.
   *
   * @param around the span that it is within in this process, or null
   */
  static @Nullable Span span(Observation.ContextView context, @Nullable Span around) {
    TracingContext tracing = context.get(TracingContext.class);
    io.micrometer.tracing.Span begun = tracing == null ? null : tracing.getSpan();
    if (begun == null) {
      return null;
    }
    TraceContext ids = begun.context();
    String trace = ids.traceId();
    int split = Math.max(0, trace.length() - HALF);
    long high = number(trace.substring(0, split));
    long low = number(trace.substring(split));
    long own = number(ids.spanId());
    if ((high | low) == 0 || own == 0) {
      return null; // a tracer that does nothing
    }
    long root = around == null ? own : around.localRootSpanId();
    boolean isSampled = !Boolean.FALSE.equals(ids.sampled());
    Span span = Span.of(high, low, own, number(ids.parentId()), root, isSampled);
    return around != null && around.isSuppressed() ? span.suppressed() : span;
  }

  /** The number that up to 16 hexadecimal digits stand for, or 0. */
  private static long number(@Nullable String digits) {
    if (digits == null || digits.isEmpty() || digits.length() > HALF) {
      return 0;
    }
    try {
      return Long.parseUnsignedLong(digits, HALF);
    } catch (NumberFormatException e) {
      return 0; // ids of another kind than W3C's
    }
  }
}
