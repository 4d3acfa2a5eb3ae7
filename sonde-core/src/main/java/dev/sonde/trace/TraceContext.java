// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import static java.util.Objects.requireNonNull;

import java.lang.ref.WeakReference;
import java.util.Arrays;
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
   * What a thread works in is a chain of scopes, and between them calls, which are only numbered.
   * The thread refers to it weakly: a pooled thread must not hold on to a class of this library. A
   * scope in use refers to it, and so does who has begun a call. What is left over, scopes of work
   * included, serves the next ones until the garbage collector takes it.
   */
  private static final ThreadLocal<@Nullable WeakReference<Calls>> CALLS = new ThreadLocal<>();

  private TraceContext() {}

  /** The calls of this thread. */
  public static Calls calls() {
    Calls known = callsOrNull();
    if (known != null) {
      return known;
    }
    Calls fresh = new Calls();
    CALLS.set(new WeakReference<>(fresh));
    return fresh;
  }

  private static @Nullable Calls callsOrNull() {
    WeakReference<Calls> calls = CALLS.get();
    return calls == null ? null : calls.get();
  }

  private static @Nullable Scope innermost() {
    Calls calls = callsOrNull();
    return calls == null ? null : calls.innermost;
  }

  /** The current span, or null outside of any. */
  public static @Nullable Span current() {
    Calls calls = callsOrNull();
    return calls == null ? null : calls.spanWithin(calls.open);
  }

  /**
   * What this thread works on: the innermost {@linkplain #use(SpanSource) work} whose span, or one
   * within it, is current, such as the request that it serves; null outside of any.
   */
  public static @Nullable SpanSource currentWork() {
    Scope scope = innermost();
    while (scope != null && scope.work == null) {
      scope = scope.around;
    }
    return scope == null ? null : scope.work;
  }

  /** Whether the current span is that of this work. */
  public static boolean isIn(SpanSource work) {
    Calls calls = callsOrNull();
    Scope scope = calls == null ? null : calls.innermost;
    if (calls == null || scope == null || scope.callsAround != calls.open) {
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
    Scope scope = innermost();
    return scope != null && scope.isSuppressed;
  }

  /** Makes a span the current one until the scope is closed, on this thread. */
  public static Scope use(Span span) {
    return calls().enter(span, span.isSuppressed());
  }

  /**
   * Makes the span of some work the current one until the scope is closed, on this thread; if
   * nobody asks for it, it is not even made.
   *
   * <p>The work may end before the scope is closed, but its object must not serve other work
   * before. The scope is to be closed once, and not to be touched after that: it serves the next
   * work of the thread.
   */
  public static Scope use(SpanSource work) {
    return calls().enter(work);
  }

  /**
   * Leaves out all that this thread does until the scope is closed; for the observer's own threads,
   * and for exporters whose clients are observed themselves.
   */
  public static Scope suppress() {
    return calls().enter(null, true);
  }

  /** What is innermost; its span is made now, because its work may be over when it is used. */
  private static @Nullable Scope capture() {
    Calls calls = callsOrNull();
    return calls == null ? null : calls.capture();
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

  /**
   * The calls that a thread is in, one within the other; for that thread alone.
   *
   * <p>A call costs no allocation: its span, a child of what is around it, is made when somebody
   * asks for the current one.
   */
  public static final class Calls {
    private static final int USUAL_DEPTH = 8;

    private @Nullable Scope innermost;
    private int open;

    /** Closed scopes of work, each referring to the next. */
    private @Nullable Scope spare;

    /** Of calls, the outermost first; null of one whose span nobody has asked for. */
    private @Nullable Span[] spans = new @Nullable Span[USUAL_DEPTH];

    private Calls() {}

    /** Begins a call; returns its number, for {@link #end}. */
    public int begin() {
      return ++open;
    }

    /**
     * Ends a call, and every call and scope within it.
     *
     * @return its span if anybody has asked for it; else nobody knows it, and it is any child of
     *     what is current now
     */
    public @Nullable Span end(int call) {
      Scope scope = innermost;
      if (scope != null && scope.callsAround >= call) {
        leave(call);
      }
      Span own = null;
      for (int i = Math.min(open, spans.length); i >= call; i--) {
        own = spans[i - 1];
        if (own != null) {
          spans[i - 1] = null;
        }
      }
      open = Math.min(open, call - 1);
      return own;
    }

    private void leave(int call) {
      Scope scope = innermost;
      while (scope != null && scope.callsAround >= call) {
        scope = scope.around;
      }
      innermost = scope;
    }

    private Scope enter(@Nullable Span span, boolean isOut) {
      Scope scope = new Scope(this, span, isOut || isSuppressed());
      scope.enter(innermost);
      innermost = scope;
      return scope;
    }

    private Scope enter(SpanSource work) {
      boolean isOut = work.isSuppressed() || isSuppressed();
      Scope scope = spare;
      if (scope == null) {
        scope = new Scope(this, null, isOut);
      } else {
        spare = scope.around;
        scope.isSuppressed = isOut;
      }
      scope.work = work;
      scope.enter(innermost);
      innermost = scope;
      return scope;
    }

    private boolean isSuppressed() {
      return innermost != null && innermost.isSuppressed;
    }

    private @Nullable Scope capture() {
      Scope scope = innermost;
      if (scope != null && scope.callsAround == open) {
        // That of work is used again when the work is over.
        return scope.work == null ? scope : new Scope(this, scope.span(), scope.isSuppressed);
      }
      return open == 0 ? null : new Scope(this, spanOfCall(open), isSuppressed());
    }

    /** The span that is current within so many calls, before the next one. */
    private @Nullable Span spanWithin(int calls) {
      Scope scope = innermost;
      while (scope != null && scope.callsAround > calls) {
        scope = scope.around;
      }
      if (scope != null && scope.callsAround == calls) {
        return scope.span();
      }
      return calls == 0 ? null : spanOfCall(calls);
    }

    private Span spanOfCall(int call) {
      if (call > spans.length) {
        spans = Arrays.copyOf(spans, Math.max(call, 2 * spans.length));
      }
      // Not by recursion, since calls may be nested as deep as the stack allows.
      int known = call;
      while (known > 0 && spans[known - 1] == null) {
        known--;
      }
      for (int i = known + 1; i <= call; i++) {
        Span around = spanWithin(i - 1);
        spans[i - 1] = around == null ? Span.root() : around.child();
      }
      return requireNonNull(spans[call - 1]);
    }

    private boolean isIn(Scope scope) {
      Scope each = innermost;
      while (each != null && each != scope) {
        each = each.around;
      }
      return each != null;
    }
  }

  /** A span in use; closing it brings back the one before. */
  public static final class Scope implements AutoCloseable {
    private final Calls calls;
    private int callsAround;
    private @Nullable SpanSource work;
    private @Nullable Scope around;
    private boolean isSuppressed;
    private @Nullable Span span;

    private Scope(Calls calls, @Nullable Span span, boolean isSuppressed) {
      this.calls = calls;
      this.span = span;
      this.isSuppressed = isSuppressed;
    }

    private void enter(@Nullable Scope innermost) {
      callsAround = calls.open;
      around = innermost;
    }

    private @Nullable Span span() {
      if (span == null && work != null) {
        span = work.span();
      }
      return span;
    }

    /** Enters the same span on the running thread. */
    Scope again() {
      return calls().enter(span, isSuppressed);
    }

    /**
     * Ends the use, and that of every scope opened within it and not closed.
     *
     * <p>Closing on another thread has no effect, nor has closing the scope of a span twice.
     */
    @Override
    public void close() {
      if (callsOrNull() == calls && calls.isIn(this)) {
        calls.innermost = around;
        if (work != null) {
          work = null;
          span = null;
          around = calls.spare;
          calls.spare = this;
        }
      }
    }
  }
}
