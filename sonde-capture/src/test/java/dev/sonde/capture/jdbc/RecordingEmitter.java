// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.collect.Emitter;
import dev.sonde.event.Outcome;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Keeps what is reported. */
final class RecordingEmitter implements Emitter {
  private final List<Statement> statements = new CopyOnWriteArrayList<>();
  private volatile boolean isEnabled = true;
  private volatile boolean isBroken;

  /** One reported statement. */
  record Statement(
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
      int batchSize,
      @Nullable Span parent) {}

  List<Statement> statements() {
    return statements;
  }

  /** What was reported since the last call. */
  List<Statement> take() {
    List<Statement> taken = List.copyOf(statements);
    statements.clear();
    return taken;
  }

  void disable() {
    isEnabled = false;
  }

  void breakDown() {
    isBroken = true;
  }

  @Override
  public boolean isEnabled() {
    return isEnabled;
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
      @Nullable Throwable error) {
    throw new AssertionError("not a database");
  }

  @Override
  public void function(String name, long durationNanos, @Nullable Throwable error) {
    throw new AssertionError("not a database");
  }

  @Override
  public void function(
      Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    throw new AssertionError("not a database");
  }

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
    if (isBroken) {
      throw new IllegalStateException("broken emitter");
    }
    statements.add(
        new Statement(
            vendor,
            database,
            operation,
            target,
            query,
            queryHash,
            rows,
            durationNanos,
            endNanos,
            isError,
            errorCode,
            batchSize,
            TraceContext.current()));
  }
}
