// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.capture.RequestIds;
import dev.sonde.capture.RequestPath;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Builds events and hands them to a collector. */
final class CollectorEmitter implements Emitter {
  private final AsyncCollector<? super ProfileEvent> collector;
  private final boolean keepsErrorMessages;
  private final MonotonicClock clock;
  private final LongAdder failures = new LongAdder();

  CollectorEmitter(
      AsyncCollector<? super ProfileEvent> collector,
      boolean keepsErrorMessages,
      MonotonicClock clock) {
    this.collector = collector;
    this.keepsErrorMessages = keepsErrorMessages;
    this.clock = clock;
  }

  @Override
  public long failures() {
    return failures.sum();
  }

  @Override
  public boolean isEnabled() {
    return !TraceContext.isSuppressed();
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
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      Span current = TraceContext.current();
      Span span = current == null ? Span.root() : current;
      collector.enqueue(
          new RequestEvent(
              clock.nanoTime(),
              span.traceIdHigh(),
              span.traceIdLow(),
              span.spanId(),
              span.parentSpanId(),
              0,
              RequestIds.next(),
              method,
              route,
              RequestPath.withoutParameters(path),
              status,
              outcome,
              durationNanos,
              bytesIn,
              bytesOut,
              error == null ? null : ErrorInfo.of(error, keepsErrorMessages),
              1));
    } catch (Throwable t) {
      failures.increment();
    }
  }

  @Override
  public void function(String name, long durationNanos, @Nullable Throwable error) {
    try {
      function(name, durationNanos, clock.nanoTime(), error);
    } catch (Throwable t) {
      failures.increment();
    }
  }

  @Override
  public void function(String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      call(TraceContext.childOfCurrent(), name, durationNanos, endNanos, error);
    } catch (Throwable t) {
      failures.increment();
    }
  }

  @Override
  public void function(
      Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    if (span.isSuppressed() || TraceContext.isSuppressed()) {
      return;
    }
    try {
      call(span, name, durationNanos, endNanos, error);
    } catch (Throwable t) {
      failures.increment();
    }
  }

  private void call(
      Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    collector.enqueue(
        new FunctionEvent(
            endNanos,
            span.traceIdHigh(),
            span.traceIdLow(),
            span.spanId(),
            span.parentSpanId(),
            name,
            durationNanos,
            error != null && !(error instanceof CancellationException),
            error == null ? null : error.getClass().getName(),
            1));
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
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      Span span = TraceContext.childOfCurrent();
      collector.enqueue(
          new DatabaseEvent(
              endNanos,
              span.traceIdHigh(),
              span.traceIdLow(),
              span.spanId(),
              span.parentSpanId(),
              vendor,
              database,
              operation,
              target,
              query,
              queryHash,
              rows,
              durationNanos,
              isError,
              errorCode,
              batchSize,
              1));
    } catch (Throwable t) {
      failures.increment();
    }
  }
}
