// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * One request ended, successfully or not.
 *
 * @param timestampNanos monotonic time in nanoseconds of its end
 * @param traceIdHigh upper half of the trace id
 * @param traceIdLow lower half of the trace id
 * @param spanId span of the request
 * @param parentSpanId span of the caller, or 0
 * @param connectionId number of its connection, or 0 if unknown
 * @param requestId number of the request
 * @param method HTTP method
 * @param route template such as {@code /users/{id}}, or null if none matched
 * @param path path as received, without the query string
 * @param status HTTP status code, or 0 if no response head was sent
 * @param outcome how it ended
 * @param durationNanos nanoseconds from the parsed head to the last byte
 * @param bytesIn body bytes received
 * @param bytesOut body bytes sent
 * @param error what the application threw, or null
 * @param weight number of requests that this one stands for after sampling
 */
public record RequestEvent(
    long timestampNanos,
    long traceIdHigh,
    long traceIdLow,
    long spanId,
    long parentSpanId,
    long connectionId,
    long requestId,
    String method,
    @Nullable String route,
    String path,
    int status,
    Outcome outcome,
    long durationNanos,
    long bytesIn,
    long bytesOut,
    @Nullable ErrorInfo error,
    double weight)
    implements ProfileEvent {
  @Override
  public String type() {
    return "REQ";
  }

  /** Whether the server failed: a status of 500 or more, an exception, or a failed outcome. */
  @Override
  public boolean isError() {
    return status >= 500
        || error != null
        || outcome == Outcome.APP_ERROR
        || outcome == Outcome.SERVER_TIMEOUT;
  }
}
