// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.sql.NormalizedSql;
import dev.sonde.collect.Emitter;
import dev.sonde.trace.TraceContext;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.sql.SQLException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Reports statements of one data source, and keeps its own failures from the application. */
final class Probe {
  /** Failures of this observer after which it stays out of the way for good. */
  static final int MAX_FAILURES = 100;

  private static final int MAX_DATABASES = 64;
  private static final Logger LOGGER = System.getLogger("dev.sonde.capture");

  private final Emitter emitter;
  private final ConcurrentMap<String, Database> databases = new ConcurrentHashMap<>();
  private final AtomicInteger failures = new AtomicInteger();

  Probe(Emitter emitter) {
    this.emitter = emitter;
  }

  /** Whether what happens now is to be reported. */
  boolean isOn() {
    try {
      return failures.get() < MAX_FAILURES && emitter.isEnabled() && !TraceContext.isSuppressed();
    } catch (Throwable e) {
      failed(e);
      return false;
    }
  }

  /** Failures of this observer so far. */
  int failures() {
    return failures.get();
  }

  /** Counts a failure of this observer; the application never sees one. */
  void failed(Throwable failure) {
    if (failures.getAndIncrement() == 0) {
      LOGGER.log(Level.WARNING, "JDBC observer failed; the application goes on", failure);
    }
  }

  /** The database behind a URL; the same object for the same URL. */
  Database database(@Nullable String url) {
    String key = url == null ? "" : url;
    Database known = databases.get(key);
    if (known != null) {
      return known;
    }
    Database database = Database.of(key);
    if (databases.size() < MAX_DATABASES) {
      Database raced = databases.putIfAbsent(key, database);
      return raced == null ? database : raced;
    }
    return database;
  }

  void report(
      Database database,
      NormalizedSql sql,
      long rows,
      long nanos,
      long endNanos,
      Failure failure,
      int batch) {
    emitter.database(
        database.vendor(),
        database.name(),
        sql.operation(),
        sql.target(),
        sql.text().isEmpty() ? null : sql.text(),
        sql.text().isEmpty() ? 0 : sql.hash(),
        rows,
        nanos,
        endNanos,
        failure.isError(),
        failure.code(),
        batch);
  }

  /**
   * What a statement failed with.
   *
   * @param isError whether it failed at all
   * @param code SQLSTATE, or the vendor's code without one, or null
   */
  record Failure(boolean isError, @Nullable String code) {
    static final Failure NONE = new Failure(false, null);

    static Failure of(Throwable thrown) {
      if (!(thrown instanceof SQLException sql)) {
        return new Failure(true, null);
      }
      String state = sql.getSQLState();
      boolean hasState = state != null && !state.isEmpty();
      boolean hasCode = sql.getErrorCode() != 0;
      return new Failure(
          true, hasState ? state : hasCode ? Integer.toString(sql.getErrorCode()) : null);
    }
  }
}
