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
  public boolean first() throws SQLException {
    moved();
    return delegate.first();
  }

  @Override
  public boolean last() throws SQLException {
    moved();
    return delegate.last();
  }

  @Override
  public boolean previous() throws SQLException {
    moved();
    return delegate.previous();
  }

  @Override
  public boolean absolute(int row) throws SQLException {
    moved();
    return delegate.absolute(row);
  }

  @Override
  public boolean relative(int rows) throws SQLException {
    moved();
    return delegate.relative(rows);
  }

  @Override
  public void beforeFirst() throws SQLException {
    moved();
    delegate.beforeFirst();
  }

  @Override
  public void afterLast() throws SQLException {
    moved();
    delegate.afterLast();
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
  public Statement getStatement() throws SQLException {
    Statement unused = delegate.getStatement(); // throws if this result set is closed
    return statement;
  }

  private void moved() {
    if (execution != null) {
      execution.rowsUnknown();
    }
  }
}
