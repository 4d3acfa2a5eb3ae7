// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/**
 * A piece of work that ended: a request, a function call or a database statement.
 *
 * <p>Its {@link #timestampNanos()} is the end; the start is that minus {@link #durationNanos()}.
 */
public sealed interface ProfileEvent extends Event
    permits RequestEvent, FunctionEvent, DatabaseEvent {
  /** Upper 64 bits of the 128-bit trace id; 0 in both halves means that there is no trace. */
  long traceIdHigh();

  /** Lower 64 bits of the 128-bit trace id. */
  long traceIdLow();

  /** Id of the span that this work is, never 0 within a trace. */
  long spanId();

  /** Id of the enclosing span, or 0 if there is none. */
  long parentSpanId();

  /** Nanoseconds from its start to its end. */
  long durationNanos();

  /** Number of like events that this one stands for after sampling, 1 / rate; at least 1. */
  double weight();

  /** Whether it failed, which sampling keeps whatever the rate. */
  boolean isError();
}
