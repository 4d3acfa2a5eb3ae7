// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * The span that the running thread works in.
 *
 * <p>It stays with the thread and is not inherited by threads that are started; the wrapping
 * methods carry it over. Virtual threads are treated like any other.
 */
public final class TraceContext {
  /*
   * The innermost scope, which knows the one around it; null when the last has closed: a pooled
   * thread must not hold on to a class of this library. The empty entry that stays with the thread
   * costs less than to remove and make one for each request, and holds on to no class.
   */
  private static final ThreadLocal<@Nullable Scope> INNERMOST = new ThreadLocal<>();

  private TraceContext() {}

  /** The current span, or null outside of any. */
  public static @Nullable Span current() {
    Scope scope = INNERMOST.get();
    return scope == null ? null : scope.span();
  }

  /**
   * What this thread works on: the innermost {@linkplain #use(SpanSource) work} whose span, or one
   * within it, is current, such as the request that it serves; null outside of any.
   */
  public static @Nullable SpanSource currentWork() {
    Scope scope = INNERMOST.get();
    while (scope != null && scope.work == null) {
      scope = scope.around;
    }
    return scope == null ? null : scope.work;
  }

  /** Whether the current span is that of this work. */
  public static boolean isIn(SpanSource work) {
    Scope scope = INNERMOST.get();
    if (scope == null) {
      return false;
    }
    return scope.work == work || (scope.span != null && scope.span == work.span());
  }

  /** A new span for work that begins now: a child of the current one, or the root of a trace. */
  public static Span childOfCurrent() {
    Span parent = current();
    return parent == null ? Span.root() : parent.child();
  }

  /**
   * Whether what this thread does is to be left out: because it is the observer's own work, or part
   * of a request that is excluded.
   *
   * <p>Everything that produces events asks this first.
   */
  public static boolean isSuppressed() {
    Scope scope = INNERMOST.get();
    return scope != null && scope.isSuppressed;
  }

  /** Makes a span the current one until the scope is closed, on this thread. */
  public static Scope use(Span span) {
    Scope around = INNERMOST.get();
    boolean isSuppressed = span.isSuppressed() || (around != null && around.isSuppressed);
    return enter(new Scope(span, null, around, isSuppressed));
  }

  /**
   * Makes the span of some work the current one until the scope is closed, on this thread; if
   * nobody asks for it, it is not even made.
   *
   * <p>The work must not end before the scope is closed.
   */
  public static Scope use(SpanSource work) {
    Scope around = INNERMOST.get();
    boolean isSuppressed = work.isSuppressed() || (around != null && around.isSuppressed);
    return enter(new Scope(null, work, around, isSuppressed));
  }

  /**
   * Leaves out all that this thread does until the scope is closed; for the observer's own threads,
   * and for exporters whose clients are observed themselves.
   */
  public static Scope suppress() {
    return enter(new Scope(null, null, INNERMOST.get(), true));
  }

  private static Scope enter(Scope scope) {
    INNERMOST.set(scope);
    return scope;
  }

  /** The innermost scope; its span is made now, because its work may be over when it is used. */
  private static @Nullable Scope capture() {
    Scope scope = INNERMOST.get();
    if (scope != null) {
      scope.span();
    }
    return scope;
  }

  /** A task that runs in the span that is current now; the task itself if there is none. */
  public static Runnable wrap(Runnable task) {
    Scope captured = capture();
    if (captured == null) {
      return task;
    }
    return () -> {
      try (Scope ignored = captured.again()) {
        task.run();
      }
    };
  }

  /** A task that runs in the span that is current now; the task itself if there is none. */
  public static <T extends @Nullable Object> Callable<T> wrap(Callable<T> task) {
    Scope captured = capture();
    if (captured == null) {
      return task;
    }
    return () -> {
      try (Scope ignored = captured.again()) {
        return task.call();
      }
    };
  }

  /** An executor whose tasks run in the span that was current when each was handed over. */
  public static Executor wrap(Executor executor) {
    return task -> executor.execute(wrap(task));
  }

  /**
   * An executor whose tasks run in the span that was current when each was handed over; shutting it
   * down shuts {@code executor} down.
   */
  public static ExecutorService wrap(ExecutorService executor) {
    return new TracedExecutorService(executor);
  }

  /**
   * A stage that ends as {@code stage} does and whose dependent functions run in the span that is
   * current now, on whichever thread completes it.
   *
   * <p>This holds for every further stage that is derived from it. A function given with an
   * executor of its own runs in the span as well.
   */
  public static <T extends @Nullable Object> CompletionStage<T> wrap(CompletionStage<T> stage) {
    Scope captured = capture();
    return captured == null ? stage : new TracedStage<>(stage, captured);
  }

  /** A span in use; closing it brings back the one before. */
  public static final class Scope implements AutoCloseable {
    private final @Nullable SpanSource work;
    private final @Nullable Scope around;
    private final boolean isSuppressed;
    private @Nullable Span span;

    private Scope(
        @Nullable Span span,
        @Nullable SpanSource work,
        @Nullable Scope around,
        boolean isSuppressed) {
      this.span = span;
      this.work = work;
      this.around = around;
      this.isSuppressed = isSuppressed;
    }

    private @Nullable Span span() {
      if (span == null && work != null) {
        span = work.span();
      }
      return span;
    }

    /** Enters the same span on the running thread. */
    Scope again() {
      Scope outside = INNERMOST.get();
      boolean isOut = isSuppressed || (outside != null && outside.isSuppressed);
      return enter(new Scope(span, null, outside, isOut));
    }

    /**
     * Ends the use, and that of every scope opened within it and not closed.
     *
     * <p>Closing twice, or on another thread, has no effect.
     */
    @Override
    public void close() {
      for (Scope scope = INNERMOST.get(); scope != null; scope = scope.around) {
        if (scope == this) {
          INNERMOST.set(around);
          return;
        }
      }
    }
  }
}
