// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.sql.NormalizedSql;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** A prepared statement that reports what it executes. */
class ObservedPreparedStatement extends ForwardingPreparedStatement {
  private final @Nullable String sql;
  private @Nullable NormalizedSql normalized;

  ObservedPreparedStatement(
      ObservedConnection connection, PreparedStatement delegate, @Nullable String sql) {
    super(connection, delegate);
    this.sql = sql;
  }

  @Override
  final NormalizedSql normalized(@Nullable String text) {
    if (text != null) {
      return super.normalized(text);
    }
    NormalizedSql known = normalized;
    if (known == null) {
      known = connection().prepared(sql);
      normalized = known;
    }
    return known;
  }

  @Override
  public final ResultSet executeQuery() throws SQLException {
    return query(null, super::executeQuery);
  }

  @Override
  public final int executeUpdate() throws SQLException {
    return (int) update(null, super::executeUpdate);
  }

  @Override
  public final long executeLargeUpdate() throws SQLException {
    return update(null, super::executeLargeUpdate);
  }

  @Override
  public final boolean execute() throws SQLException {
    return any(null, super::execute);
  }

  @Override
  public final void addBatch() throws SQLException {
    super.addBatch();
    try {
      batch().add(normalized(null));
    } catch (Throwable e) {
      connection().probe().failed(e);
    }
  }
}
