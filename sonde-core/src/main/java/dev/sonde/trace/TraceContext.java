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
   * The innermost scope, which knows the one around it. Removed, not set to null, when the last
   * scope closes: a pooled thread must not hold on to a class of this library after its close.
   */
  private static final ThreadLocal<Scope> INNERMOST = new ThreadLocal<>();

  private TraceContext() {}

  /** The current span, or null outside of any. */
  public static @Nullable Span current() {
    Scope scope = INNERMOST.get();
    return scope == null ? null : scope.span;
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
    return enter(span, around, span.isSuppressed() || (around != null && around.isSuppressed));
  }

  /**
   * Leaves out all that this thread does until the scope is closed; for the observer's own threads,
   * and for exporters whose clients are observed themselves.
   */
  public static Scope suppress() {
    return enter(null, INNERMOST.get(), true);
  }

  private static Scope enter(@Nullable Span span, @Nullable Scope around, boolean isSuppressed) {
    Scope scope = new Scope(span, around, isSuppressed);
    INNERMOST.set(scope);
    return scope;
  }

  /** A task that runs in the span that is current now; the task itself if there is none. */
  public static Runnable wrap(Runnable task) {
    Scope captured = INNERMOST.get();
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
    Scope captured = INNERMOST.get();
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
    Scope captured = INNERMOST.get();
    return captured == null ? stage : new TracedStage<>(stage, captured);
  }

  /** A span in use; closing it brings back the one before. */
  public static final class Scope implements AutoCloseable {
    private final @Nullable Span span;
    private final @Nullable Scope around;
    private final boolean isSuppressed;

    private Scope(@Nullable Span span, @Nullable Scope around, boolean isSuppressed) {
      this.span = span;
      this.around = around;
      this.isSuppressed = isSuppressed;
    }

    /** Enters the same span on the running thread. */
    Scope again() {
      Scope outside = INNERMOST.get();
      return enter(span, outside, isSuppressed || (outside != null && outside.isSuppressed));
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
          leave();
          return;
        }
      }
    }

    private void leave() {
      if (around == null) {
        INNERMOST.remove();
      } else {
        INNERMOST.set(around);
      }
    }
  }
}
