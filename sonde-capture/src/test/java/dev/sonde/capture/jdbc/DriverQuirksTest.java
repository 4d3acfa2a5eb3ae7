// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What drivers and pools do that is not the rule, and what applications do with cursors. */
final class DriverQuirksTest {
  private final RecordingEmitter emitter = new RecordingEmitter();
  private Connection connection;

  @BeforeEach
  void open() throws SQLException {
    JdbcDataSource h2 = new JdbcDataSource();
    h2.setURL("jdbc:h2:mem:quirks");
    connection = SondeJdbc.observe(h2, emitter).getConnection();
  }

  @AfterEach
  void close() throws SQLException {
    connection.close();
  }

  @Test
  void query_endsWithItsExecutionHoweverLateItIsReported() throws SQLException {
    long afterExecution;
    try (Statement statement = connection.createStatement()) {
      long before = System.nanoTime();
      ResultSet rows = statement.executeQuery("select 1");
      afterExecution = System.nanoTime();
      assertThat(rows.next()).isTrue();
      assertThat(rows.next()).isFalse();

      RecordingEmitter.Statement event = single();
      assertThat(event.endNanos() - afterExecution).isNotPositive();
      assertThat(event.endNanos() - event.durationNanos() - before).isNotNegative();
    }
  }

  @Test
  void failedPrepare_isReportedWithItsState() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("create table item (id int)");
    }
    assertThat(emitter.take()).hasSize(1);

    assertThatThrownBy(
            () -> connection.prepareStatement("select 'secret' from no_such_table where id = ?"))
        .isInstanceOf(SQLException.class);

    RecordingEmitter.Statement event = single();
    assertThat(event.isError()).isTrue();
    assertThat(event.errorCode()).isEqualTo("42S02");
    assertThat(event.query()).isEqualTo("select ? from no_such_table where id = ?");
    assertThat(event.rows()).isEqualTo(-1);

    assertThatThrownBy(() -> connection.prepareCall("call no_such_function()"))
        .isInstanceOf(SQLException.class);
    assertThat(single().isError()).isTrue();
  }

  @Test
  void goodPrepare_isNoStatementOfItsOwn() throws SQLException {
    connection.prepareStatement("select 1").close();

    assertThat(emitter.statements()).isEmpty();
  }

  @Test
  void batch_returnsTheDriversNullAndHasUnknownRows() throws SQLException {
    Statement driver = fake(Statement.class, Map.of());
    ObservedStatement statement = new ObservedStatement(observed(), driver);

    statement.addBatch("delete from a");
    assertThat(statement.executeBatch()).isNull();
    assertThat(single().rows()).isEqualTo(-1);

    statement.addBatch("delete from a");
    assertThat(statement.executeLargeBatch()).isNull();
    assertThat(single().rows()).isEqualTo(-1);
    assertThat(observed().probe().failures()).isZero();
  }

  @Test
  void batch_throwsTheDriversFailureWithoutCounts() throws SQLException {
    BatchUpdateException failure = new BatchUpdateException("no", "40001", null);
    Statement driver = fake(Statement.class, Map.of("executeBatch", failure));
    ObservedStatement statement = new ObservedStatement(observed(), driver);

    statement.addBatch("delete from a");
    assertThatThrownBy(statement::executeBatch).isSameAs(failure);

    assertThat(single().errorCode()).isEqualTo("40001");
  }

  @Test
  void otherMovesThanToTheNextRow_makeTheRowsUnknown() throws SQLException {
    for (Move move :
        List.<Move>of(
            ResultSet::last,
            ResultSet::first,
            ResultSet::previous,
            rows -> rows.absolute(2),
            rows -> rows.relative(1),
            ResultSet::beforeFirst,
            ResultSet::afterLast)) {
      try (Statement statement =
          connection.createStatement(
              ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY)) {
        ResultSet rows = statement.executeQuery("select x from system_range(1, 3)");
        assertThat(rows.next()).isTrue();
        move.of(rows);
        boolean unused = rows.next();
      }
      assertThat(single().rows()).isEqualTo(-1);
    }
  }

  @Test
  void resultSetAskedForAgain_doesNotCountFromTheStart() throws SQLException {
    ResultSet rows = fake(ResultSet.class, Map.of("next", true));
    Statement pool =
        (Statement)
            Proxy.newProxyInstance(
                DriverQuirksTest.class.getClassLoader(),
                new Class<?>[] {Statement.class},
                (proxy, method, arguments) ->
                    switch (method.getName()) {
                      case "execute" -> true;
                      case "getResultSet" ->
                          Proxy.newProxyInstance(
                              DriverQuirksTest.class.getClassLoader(),
                              new Class<?>[] {ResultSet.class},
                              (view, called, passed) -> called.invoke(rows, passed));
                      default -> null;
                    });
    ObservedStatement statement = new ObservedStatement(observed(), pool);

    statement.execute("select 1");
    for (int i = 0; i < 3; i++) {
      assertThat(statement.getResultSet().next()).isTrue();
    }
    statement.close();

    assertThat(single().rows()).isEqualTo(3);
  }

  @Test
  void closedObjects_refuseToLeadBackAsTheirDriverDoes() throws SQLException {
    SQLException closed = new SQLException("closed");
    Statement driver = fake(Statement.class, Map.of("getConnection", closed));
    ObservedStatement statement = new ObservedStatement(observed(), driver);
    ResultSet rows = fake(ResultSet.class, Map.of("getStatement", closed));

    assertThatThrownBy(statement::getConnection).isSameAs(closed);
    assertThatThrownBy(new ObservedResultSet(statement, rows, null)::getStatement).isSameAs(closed);
  }

  @Test
  void closedConnection_isNotLedToByItsMetaData() throws SQLException {
    SQLException closed = new SQLException("closed");
    DatabaseMetaData driver = fake(DatabaseMetaData.class, Map.of("getConnection", closed));
    Connection bare = fake(Connection.class, Map.of("getMetaData", driver));
    Connection connectionOfDriver = new ObservedConnection(bare, observed().probe());

    assertThatThrownBy(connectionOfDriver.getMetaData()::getConnection).isSameAs(closed);
  }

  @Test
  void metaData_equalsItselfAndLeadsToTheObservedConnection() throws SQLException {
    DatabaseMetaData metaData = connection.getMetaData();

    assertThat(metaData.equals(metaData)).isTrue();
    assertThat(metaData).hasSameHashCodeAs(metaData).isNotEqualTo(connection.getMetaData());
    assertThat(metaData.getConnection()).isSameAs(connection);
    try (ResultSet tables = metaData.getTables(null, null, "%", null)) {
      assertThat(tables.next()).isTrue();
      Statement statement = tables.getStatement();
      if (statement != null) {
        assertThat(statement.getConnection()).isSameAs(connection);
      }
    }
  }

  private ObservedConnection observed() throws SQLException {
    return connection.unwrap(ObservedConnection.class);
  }

  private RecordingEmitter.Statement single() {
    List<RecordingEmitter.Statement> statements = emitter.take();
    assertThat(statements).hasSize(1);
    return statements.get(0);
  }

  /** A driver's object that answers or throws what is given, and null to all else. */
  private static <T> T fake(Class<T> type, Map<String, Object> answers) {
    Object fake =
        Proxy.newProxyInstance(
            DriverQuirksTest.class.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              @Nullable Object answer = answers.get(method.getName());
              if (answer instanceof Throwable failure) {
                throw failure;
              }
              return answer;
            });
    return type.cast(fake);
  }

  /** A move of a cursor. */
  private interface Move {
    void of(ResultSet rows) throws SQLException;
  }
}
