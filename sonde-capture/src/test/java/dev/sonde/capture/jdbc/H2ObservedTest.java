// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.h2.jdbc.JdbcConnection;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;

final class H2ObservedTest extends ObservedDatabaseContract {
  private final JdbcDataSource h2 = new JdbcDataSource();

  H2ObservedTest() {
    h2.setURL("jdbc:h2:mem:shop;DB_CLOSE_DELAY=-1");
  }

  @Override
  DataSource bare() {
    return h2;
  }

  @Override
  String vendor() {
    return "h2database";
  }

  @Override
  String database() {
    return "shop";
  }

  @Override
  String noSuchTableState() {
    return "42S02";
  }

  @Override
  Class<? extends Connection> driverConnection() {
    return JdbcConnection.class;
  }

  /** The lexer agrees with H2 on where a comment ends. */
  @Test
  void comment_endsWhereH2EndsIt() throws SQLException {
    try (Statement statement = connection().createStatement()) {
      for (String sql :
          new String[] {
            "select 1 -- it's\r, 2", "select 1 // it's\n, 2", "select 1 /* /* it's */ */ , 2"
          }) {
        try (ResultSet rows = statement.executeQuery(sql)) {
          int columns = rows.getMetaData().getColumnCount();
          rows.close();
          assertThat(single().query()).isEqualTo(columns == 2 ? "select ?, ?" : "select ?");
        }
      }
    }
  }
}
