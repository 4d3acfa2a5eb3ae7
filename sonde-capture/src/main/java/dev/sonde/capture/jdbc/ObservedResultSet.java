// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.jdbc.Probe.Failure;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/** A result set whose rows are counted as they are read. */
final class ObservedResultSet extends ForwardingResultSet {
  private final ObservedStatement statement;
  private final ResultSet delegate;

  /** Null for generated keys and for results that are not reported. */
  private final @Nullable Execution execution;

  ObservedResultSet(
      ObservedStatement statement, ResultSet delegate, @Nullable Execution execution) {
    super(delegate);
    this.statement = statement;
    this.delegate = delegate;
    this.execution = execution;
  }

  boolean wraps(ResultSet resultSet) {
    return delegate == resultSet;
  }

  @Override
  public boolean next() throws SQLException {
    if (execution == null) {
      return delegate.next();
    }
    boolean hasRow;
    try {
      hasRow = delegate.next();
    } catch (Throwable e) {
      execution.end(Failure.of(e));
      throw e;
    }
    if (hasRow) {
      execution.row();
    } else {
      execution.end(Failure.NONE);
    }
    return hasRow;
  }

  @Override
  public void close() throws SQLException {
    try {
      delegate.close();
    } finally {
      if (execution != null) {
        execution.end(Failure.NONE);
      }
    }
  }

  @Override
  public Statement getStatement() {
    return statement;
  }
}
