// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.capture.jdbc.SondeJdbc;
import dev.sonde.capture.sql.NormalizedSql;
import dev.sonde.capture.sql.SqlCache;
import dev.sonde.capture.sql.SqlDialect;
import dev.sonde.capture.sql.SqlNormalizer;
import dev.sonde.collect.Emitter;
import dev.sonde.event.Outcome;
import dev.sonde.trace.Span;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What observing a statement costs: the wrappers without the pipeline behind them. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
@State(Scope.Thread)
public class JdbcBenchmark {
  private static final String SELECT =
      "select id, name, price, stock from item where id = ? and name <> 'none'";

  /** The driver alone, or observed. */
  @State(Scope.Thread)
  public static class Database {
    /** How the data source is wrapped. */
    @Param({"bare", "observed"})
    public String wrapping = "bare";

    private final CountingEmitter emitter = new CountingEmitter();
    private @Nullable Connection connection;
    private @Nullable PreparedStatement prepared;

    /** Fills a table in memory. */
    @Setup
    public void open() throws SQLException {
      JdbcDataSource h2 = new JdbcDataSource();
      h2.setURL("jdbc:h2:mem:");
      DataSource source = wrapping.equals("bare") ? h2 : SondeJdbc.observe(h2, emitter);
      connection = source.getConnection();
      try (Statement statement = connection.createStatement()) {
        statement.execute(
            "create table item (id int primary key, name varchar(40), price int, stock int)");
        statement.execute(
            "insert into item select x, 'item ' || x, x * 3, x from system_range(1, 1000)");
      }
      prepared = connection.prepareStatement(SELECT);
    }

    /** Drops the table with its connection. */
    @TearDown
    public void close() throws SQLException {
      if (connection != null) {
        connection.close();
      }
    }
  }

  private final SqlNormalizer normalizer = new SqlNormalizer(SqlDialect.H2);
  private final SqlCache cache = new SqlCache(normalizer, 4096);
  private int id;

  /** A row by its key, with a statement that is prepared already. */
  @Benchmark
  public int selectByKey(Database database) throws SQLException {
    if (database.prepared == null) {
      throw new IllegalStateException("not open");
    }
    return read(database.prepared) + (int) database.emitter.sum;
  }

  /** The same, with a statement of its own for each execution, as most applications do it. */
  @Benchmark
  public int prepareAndSelectByKey(Database database) throws SQLException {
    if (database.connection == null) {
      throw new IllegalStateException("not open");
    }
    try (PreparedStatement statement = database.connection.prepareStatement(SELECT)) {
      return read(statement) + (int) database.emitter.sum;
    }
  }

  /** Normalising a text that was seen before. */
  @Benchmark
  public NormalizedSql normalizeCached() {
    return cache.get(SELECT);
  }

  /** Normalising a text that was not. */
  @Benchmark
  public NormalizedSql normalizeUncached() {
    return normalizer.normalize(SELECT);
  }

  private int read(PreparedStatement statement) throws SQLException {
    id = id % 1000 + 1;
    statement.setInt(1, id);
    int sum = 0;
    try (ResultSet rows = statement.executeQuery()) {
      while (rows.next()) {
        sum += rows.getInt(1) + rows.getInt(3) + rows.getInt(4);
      }
    }
    return sum;
  }

  /** Counts, so that the report is not optimised away. */
  private static final class CountingEmitter implements Emitter {
    private long sum;

    @Override
    public boolean isEnabled() {
      return true;
    }

    @Override
    public void request(
        String method,
        @Nullable String route,
        String path,
        int status,
        Outcome outcome,
        long durationNanos,
        long bytesIn,
        long bytesOut,
        @Nullable Throwable error) {}

    @Override
    public void function(String name, long durationNanos, @Nullable Throwable error) {}

    @Override
    public void function(
        Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error) {}

    @Override
    public void database(
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
        int batchSize) {
      sum += rows + durationNanos + queryHash;
    }
  }
}
