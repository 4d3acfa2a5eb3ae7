// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import org.jspecify.annotations.Nullable;

/**
 * Reports pieces of work that just ended: requests, function calls, database statements.
 *
 * <p>Trace and parent are those of {@link dev.sonde.trace.TraceContext#current()}; outside of any
 * span each report is a trace of its own. Every method may be called from any thread, takes no
 * lock, does not log and does not throw; what fails is counted. A report costs its thread well
 * below a microsecond, except where an emitter {@linkplain #to on its own} reads the stack of an
 * error. Suppressed work ({@link dev.sonde.trace.TraceContext#isSuppressed()}) is left out.
 */
public interface Emitter {
  /**
   * An emitter on its own, which builds each event on the caller's thread and hands it to {@code
   * collector}.
   *
   * <p>That includes the text of an error's stack, which costs tens of microseconds; the emitter of
   * a Sonde leaves that to its background thread.
   *
   * @param keepsErrorMessages whether the messages of exceptions are kept, which often hold
   *     personal data
   */
  static Emitter to(AsyncCollector<? super ProfileEvent> collector, boolean keepsErrorMessages) {
    return new CollectorEmitter(collector, keepsErrorMessages, MonotonicClock.system());
  }

  /** Reports lost to a failure of the emitter itself, such as a null where none is allowed. */
  default long failures() {
    return 0;
  }

  /** Whether reports are wanted; ask before doing work only to be able to report. */
  boolean isEnabled();

  /**
   * Reports a request that no adapter has seen; the current span is taken as its own.
   *
   * @param route template such as {@code /users/{id}}, or null if none matched
   * @param path path as received, without the query string
   * @param status HTTP status code, or 0 if no response head was sent; the emitter of a Sonde takes
   *     one that is outside of 0 to 4,095 for 0
   * @param durationNanos nanoseconds from its start to now
   * @param bytesIn body bytes received
   * @param bytesOut body bytes sent
   * @param error what the application threw, or null
   */
  void request(
      String method,
      @Nullable String route,
      String path,
      int status,
      Outcome outcome,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable Throwable error);

  /**
   * Reports a call of a function, as a new child of the current span.
   *
   * @param durationNanos nanoseconds from call to now
   * @param error what it threw, or null; a {@link java.util.concurrent.CancellationException} means
   *     that it was cancelled, which is no error
   */
  void function(String name, long durationNanos, @Nullable Throwable error);

  /**
   * Reports a call of a function, as a new child of the current span.
   *
   * @param endNanos monotonic time of its end, as {@link System#nanoTime()}; the default leaves it
   *     out and lets the call end now
   */
  default void function(String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    function(name, durationNanos, error);
  }

  /**
   * Reports a call of a function that had a span of its own, so that others can be its children.
   *
   * @param endNanos monotonic time of its end, as {@link System#nanoTime()}
   */
  void function(
      Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error);

  /**
   * Reports a database statement, as a new child of the current span.
   *
   * @param vendor OpenTelemetry's {@code db.system.name}, such as {@code postgresql}
   * @param database name of the database, or null if unknown
   * @param operation first keyword in upper case, such as {@code SELECT}
   * @param target main table or collection, or null if unknown
   * @param query normalised text without literals, or null
   * @param queryHash hash of the normalised text, 0 without text
   * @param rows rows returned or changed, -1 if unknown
   * @param durationNanos nanoseconds that the execution took
   * @param endNanos monotonic time of its end, as {@link System#nanoTime()}; the report itself may
   *     come later, when all rows were read
   * @param isError whether it failed
   * @param errorCode SQLSTATE or the vendor's code, or null
   * @param batchSize statements in the batch, 1 for a single one
   */
  void database(
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash,
      long rows,
      long durationNanos,
      long endNanos,
      boolean isError,
      @Nullable String errorCode,
      int batchSize);
}
