// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * One statement or command of a database ended, successfully or not.
 *
 * @param timestampNanos monotonic time in nanoseconds of its end
 * @param traceIdHigh upper half of the trace id
 * @param traceIdLow lower half of the trace id
 * @param spanId span of the statement
 * @param parentSpanId enclosing span, or 0
 * @param vendor OpenTelemetry's {@code db.system.name}, such as {@code postgresql}
 * @param database name of the database, or null if unknown
 * @param operation first keyword in upper case, such as {@code SELECT} or {@code COMMIT}
 * @param target main table or collection, or null if unknown
 * @param query normalised text without literals, or null for an operation without text
 * @param queryHash hash of the normalised text, 0 without text
 * @param rows rows returned or changed, -1 if unknown
 * @param durationNanos nanoseconds from execution to result
 * @param isError whether it failed
 * @param errorCode SQLSTATE or the vendor's code, or null
 * @param batchSize statements in the batch, 1 for a single one
 * @param weight number of statements that this one stands for after sampling
 */
public record DatabaseEvent(
    long timestampNanos,
    long traceIdHigh,
    long traceIdLow,
    long spanId,
    long parentSpanId,
    String vendor,
    @Nullable String database,
    String operation,
    @Nullable String target,
    @Nullable String query,
    long queryHash,
    long rows,
    long durationNanos,
    boolean isError,
    @Nullable String errorCode,
    int batchSize,
    double weight)
    implements ProfileEvent {
  @Override
  public String type() {
    return "DB";
  }
}
