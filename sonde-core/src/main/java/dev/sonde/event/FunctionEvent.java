// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * One call of a profiled function ended.
 *
 * @param timestampNanos monotonic time in nanoseconds of its end
 * @param traceIdHigh upper half of the trace id
 * @param traceIdLow lower half of the trace id
 * @param spanId span of the call
 * @param parentSpanId enclosing span, or 0
 * @param function name given by the application
 * @param durationNanos nanoseconds from call to return
 * @param isError whether it threw; a cancelled call is no error
 * @param exceptionType class name of what it threw or was cancelled by, or null
 * @param weight number of calls that this one stands for after sampling
 */
public record FunctionEvent(
    long timestampNanos,
    long traceIdHigh,
    long traceIdLow,
    long spanId,
    long parentSpanId,
    String function,
    long durationNanos,
    boolean isError,
    @Nullable String exceptionType,
    double weight)
    implements ProfileEvent {
  @Override
  public String type() {
    return "FN";
  }
}
