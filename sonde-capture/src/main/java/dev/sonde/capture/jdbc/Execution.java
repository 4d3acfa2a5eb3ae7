// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.jdbc.Probe.Failure;
import dev.sonde.capture.sql.NormalizedSql;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import org.jspecify.annotations.Nullable;

/** An execution whose result is still being read; it is reported once, when that ends. */
final class Execution {
  private final ObservedConnection connection;
  private final NormalizedSql sql;
  private final @Nullable Span parent;
  private final long startNanos;
  private final long endNanos;

  /** Written by the thread that reads the result; another one may end it and see fewer. */
  private long rows = -1;

  private boolean hasRows;

  /** Neighbours among the open executions of the connection, which guards them. */
  @Nullable Execution older;

  @Nullable Execution newer;
  boolean isOpen;

  Execution(
      ObservedConnection connection,
      NormalizedSql sql,
      @Nullable Span parent,
      long startNanos,
      long endNanos) {
    this.connection = connection;
    this.sql = sql;
    this.parent = parent;
    this.startNanos = startNanos;
    this.endNanos = endNanos;
  }

  /** Rows can be read; told again while they are being read, it changes nothing. */
  void rowsBegin() {
    if (!hasRows) {
      hasRows = true;
      rows = 0;
    }
  }

  void row() {
    if (rows >= 0) {
      rows++;
    }
  }

  /** The cursor went elsewhere than to the next row: how many were read is not known any more. */
  void rowsUnknown() {
    rows = -1;
  }

  void rows(long count) {
    rows = count;
  }

  /** Reports the execution, unless that was done. */
  void end(Failure failure) {
    if (connection.remove(this)) {
      report(failure);
    }
  }

  void report(Failure failure) {
    try {
      if (parent == null || parent == TraceContext.current()) {
        connection.report(sql, rows, startNanos, endNanos, failure, 1);
      } else {
        try (TraceContext.Scope ignored = TraceContext.use(parent)) {
          connection.report(sql, rows, startNanos, endNanos, failure, 1);
        }
      }
    } catch (Throwable e) {
      connection.probe().failed(e);
    }
  }
}
