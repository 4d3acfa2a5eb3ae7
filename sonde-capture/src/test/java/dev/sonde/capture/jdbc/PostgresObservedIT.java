// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.jdbc.PgConnection;

final class PostgresObservedIT extends ObservedDatabaseContract {
  private static PostgresCluster cluster;

  private final PGSimpleDataSource postgres = new PGSimpleDataSource();

  PostgresObservedIT() {
    postgres.setServerNames(new String[] {"127.0.0.1"});
    postgres.setPortNumbers(new int[] {cluster.port()});
    postgres.setDatabaseName("postgres");
    postgres.setUser("sonde");
  }

  @BeforeAll
  static void startCluster() throws IOException {
    Path bin = PostgresCluster.findBin();
    boolean isRequired = "true".equals(System.getenv("CI"));
    if (bin == null && isRequired) {
      throw new AssertionError("CI=true, but no initdb on PATH or in /usr/lib/postgresql/*/bin");
    }
    assumeTrue(bin != null, "no PostgreSQL on this machine: apt-get install postgresql");
    cluster = PostgresCluster.start(bin);
  }

  @AfterAll
  static void stopCluster() throws IOException {
    if (cluster != null) {
      cluster.close();
    }
  }

  @Override
  DataSource bare() {
    return postgres;
  }

  @Override
  String vendor() {
    return "postgresql";
  }

  @Override
  String database() {
    return "postgres";
  }

  @Override
  String noSuchTableState() {
    return "42P01";
  }

  @Override
  Class<? extends Connection> driverConnection() {
    return PgConnection.class;
  }

  @Test
  void cursor_countsTheRowsOfAllFetches() throws SQLException {
    connection().setAutoCommit(false);
    try (Statement statement = connection().createStatement()) {
      statement.setFetchSize(10);
      ResultSet rows = statement.executeQuery("select i from generate_series(1, 95) i");
      while (rows.next()) {
        assertThat(emitter().statements()).isEmpty();
      }
    }

    assertThat(single().rows()).isEqualTo(95);
  }

  @Test
  void failureWhileReading_isTheStatements() throws SQLException {
    connection().setAutoCommit(false);
    try (Statement statement = connection().createStatement()) {
      statement.setFetchSize(1);
      ResultSet rows = statement.executeQuery("select 10 / (5 - i) from generate_series(1, 9) i");

      Throwable thrown =
          catchThrowable(
              () -> {
                while (rows.next()) {
                  assertThat(rows.getInt(1)).isNotZero();
                }
              });

      assertThat(thrown).isInstanceOf(SQLException.class);
    }
    RecordingEmitter.Statement event = single();
    assertThat(event.isError()).isTrue();
    assertThat(event.errorCode()).isEqualTo("22012");
    assertThat(event.rows()).isEqualTo(4);
  }

  @Test
  void timeout_isReportedWithItsState() throws SQLException {
    try (Statement statement = connection().createStatement()) {
      statement.setQueryTimeout(1);

      Throwable thrown = catchThrowable(() -> statement.executeQuery("select pg_sleep(60)"));

      assertThat(thrown).isInstanceOf(SQLException.class);
    }
    RecordingEmitter.Statement event = single();
    assertThat(event.errorCode()).isEqualTo("57014");
    assertThat(event.durationNanos()).isBetween(900_000_000L, 55_000_000_000L);
  }

  @Test
  void cancel_reachesTheServer() throws ExecutionException, InterruptedException, SQLException {
    try (Statement statement = connection().createStatement();
        Connection other = postgres.getConnection();
        Statement watch = other.createStatement()) {
      CompletableFuture<Throwable> thrown =
          CompletableFuture.supplyAsync(
              () -> catchThrowable(() -> statement.executeQuery("select pg_sleep(61)")));
      int pid = connection().unwrap(PGConnection.class).getBackendPID();
      String isSleeping =
          "select 1 from pg_stat_activity where wait_event = 'PgSleep' and pid = " + pid;
      while (!watch.executeQuery(isSleeping).next()) {
        Thread.onSpinWait();
      }

      statement.cancel();

      assertThat(thrown.get()).isInstanceOf(SQLException.class);
    }
    assertThat(single().errorCode()).isEqualTo("57014");
  }

  @Test
  void call_isReportedWithTheFunction() throws SQLException {
    try (CallableStatement call = connection().prepareCall("{? = call abs(?)}")) {
      call.registerOutParameter(1, Types.INTEGER);
      call.setInt(2, -5);
      call.execute();
      assertThat(call.getInt(1)).isEqualTo(5);
    }

    RecordingEmitter.Statement event = single();
    assertThat(event.operation()).isEqualTo("CALL");
    assertThat(event.target()).isEqualTo("abs");
  }

  @Test
  void statementAfterAFailureInATransaction_isReportedToo() throws SQLException {
    connection().setAutoCommit(false);
    try (Statement statement = connection().createStatement()) {
      assertThat(catchThrowable(() -> statement.execute("select 1 / 0"))).isNotNull();
      assertThat(catchThrowable(() -> statement.execute("select 1"))).isNotNull();
      connection().rollback();
    }

    assertThat(emitter().take())
        .extracting(RecordingEmitter.Statement::errorCode)
        .containsExactly("22012", "25P02", null);
  }
}
