// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import dev.sonde.collect.Emitter;
import dev.sonde.event.Outcome;
import dev.sonde.trace.Span;
import org.jspecify.annotations.Nullable;

/** Reports nothing: nothing is built, nothing is counted. */
final class NoopEmitter implements Emitter {
  static final NoopEmitter INSTANCE = new NoopEmitter();

  private NoopEmitter() {}

  @Override
  public boolean isEnabled() {
    return false;
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
      int batchSize) {}
}
