// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The kinds of failure seen; immutable and owned by the caller.
 *
 * @param takenNanos monotonic time at which it was taken
 * @param kinds each kind, most recent first
 * @param totalCount failures of all kinds since the start, forgotten kinds included
 * @param evictedKinds kinds forgotten to make room
 * @param evictedCount failures that belonged to forgotten kinds
 */
public record ErrorSnapshot(
    long takenNanos, List<Kind> kinds, long totalCount, long evictedKinds, long evictedCount) {
  /** Copies the list. */
  public ErrorSnapshot {
    kinds = List.copyOf(kinds);
  }

  /** What kind of thing failed. */
  public enum Source {
    /** A request failed by an exception, a status of 500 or more, or a time-out of the server. */
    REQUEST("request"),
    /** The client went away. */
    CLIENT_ABORT("client_abort"),
    /** A profiled function threw. */
    FUNCTION("function"),
    /** A statement failed. */
    DATABASE("database");

    private final String jsonName;

    Source(String jsonName) {
      this.jsonName = jsonName;
    }

    /** Name in JSON. */
    public String jsonName() {
      return jsonName;
    }
  }

  /**
   * One kind of failure: the same type at the same place.
   *
   * @param source what failed
   * @param type class name, {@code HTTP 503}, outcome, or the database's code
   * @param message message of the example, or null
   * @param where route, function or statement of the example
   * @param stack frames of the example, one a line; empty if there are none
   * @param count failures of this kind
   * @param firstNanos monotonic time of the first
   * @param lastNanos monotonic time of the last
   * @param exampleTraceIdHigh upper half of the newest one's trace id
   * @param exampleTraceIdLow lower half of the newest one's trace id
   * @param exampleRequestId number of the newest one's request, or 0 if unknown
   * @param trend failures in each of the last 15 minutes, oldest first; the last one is running
   */
  public record Kind(
      Source source,
      String type,
      @Nullable String message,
      String where,
      String stack,
      long count,
      long firstNanos,
      long lastNanos,
      long exampleTraceIdHigh,
      long exampleTraceIdLow,
      long exampleRequestId,
      List<Long> trend) {
    /** Copies the list. */
    public Kind {
      trend = List.copyOf(trend);
    }
  }
}
