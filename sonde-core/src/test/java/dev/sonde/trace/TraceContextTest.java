// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.management.ThreadMXBean;
import dev.sonde.trace.TraceContext.Scope;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class TraceContextTest {
  private final Span outer = Span.root();
  private final Span inner = outer.child();
  private final ExecutorService pool = Executors.newSingleThreadExecutor();

  @AfterEach
  void leaveNothingBehind() throws InterruptedException {
    pool.shutdown();
    assertThat(pool.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    assertThat(TraceContext.current()).isNull();
    assertThat(TraceContext.isSuppressed()).isFalse();
  }

  @Test
  void use_bringsBackTheSpanBeforeOnClose() {
    try (Scope first = TraceContext.use(outer)) {
      assertThat(TraceContext.current()).isSameAs(outer);
      try (Scope second = TraceContext.use(inner)) {
        assertThat(TraceContext.current()).isSameAs(inner);
      }
      assertThat(TraceContext.current()).isSameAs(outer);
    }
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void currentWork_isTheInnermostWorkAroundTheCurrentSpan() {
    SpanSource work =
        new SpanSource() {
          @Override
          public Span span() {
            return outer;
          }

          @Override
          public boolean isSuppressed() {
            return false;
          }
        };

    assertThat(TraceContext.currentWork()).isNull();
    try (Scope request = TraceContext.use(work)) {
      assertThat(TraceContext.currentWork()).isSameAs(work);
      try (Scope within = TraceContext.use(inner)) {
        assertThat(TraceContext.currentWork()).isSameAs(work);
      }
    }
    assertThat(TraceContext.currentWork()).isNull();
  }

  @Test
  void close_hasNoEffectTheSecondTime() {
    Scope first = TraceContext.use(outer);
    Scope second = TraceContext.use(inner);
    second.close();
    second.close();

    assertThat(TraceContext.current()).isSameAs(outer);
    first.close();
  }

  @Test
  void close_endsForgottenInnerScopesToo() {
    Scope first = TraceContext.use(outer);
    Scope forgotten = TraceContext.use(inner);

    first.close();

    assertThat(TraceContext.current()).isNull();
    forgotten.close();
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void close_hasNoEffectOnAnotherThread() throws ExecutionException, InterruptedException {
    try (Scope scope = TraceContext.use(outer)) {
      pool.submit(scope::close).get();

      assertThat(TraceContext.current()).isSameAs(outer);
    }
  }

  @Test
  void current_isNotInheritedByNewThreads() throws InterruptedException {
    AtomicReference<@Nullable Span> seen = new AtomicReference<>(inner);
    try (Scope scope = TraceContext.use(outer)) {
      Thread thread = new Thread(() -> seen.set(TraceContext.current()));
      thread.start();
      thread.join();
    }

    assertThat(seen.get()).isNull();
  }

  @Test
  void wrap_returnsTheTaskItselfWithoutSpan() {
    Runnable runnable = () -> {};
    Callable<String> callable = () -> "";
    CompletionStage<String> stage = new CompletableFuture<>();

    assertThat(TraceContext.wrap(runnable)).isSameAs(runnable);
    assertThat(TraceContext.wrap(callable)).isSameAs(callable);
    assertThat(TraceContext.wrap(stage)).isSameAs(stage);
  }

  @Test
  void wrap_carriesTheSpanIntoRunnableAndCallable()
      throws ExecutionException, InterruptedException {
    AtomicReference<@Nullable Span> seen = new AtomicReference<>();
    Runnable runnable;
    Callable<Boolean> callable;
    try (Scope scope = TraceContext.use(outer)) {
      runnable = TraceContext.wrap((Runnable) () -> seen.set(TraceContext.current()));
      callable = TraceContext.wrap((Callable<Boolean>) () -> TraceContext.current() == outer);
    }

    pool.submit(runnable).get();
    boolean isCalledWithin = pool.submit(callable).get();
    boolean isLeftClean = pool.submit(() -> TraceContext.current() == null).get();

    assertThat(seen.get()).isSameAs(outer);
    assertThat(isCalledWithin).isTrue();
    assertThat(isLeftClean).isTrue();
  }

  @Test
  void wrap_bringsBackTheRunnersOwnSpanEvenWhenTheTaskThrows() {
    Runnable wrapped;
    try (Scope scope = TraceContext.use(outer)) {
      wrapped =
          TraceContext.wrap(
              (Runnable)
                  () -> {
                    throw new IllegalStateException("task");
                  });
    }

    try (Scope scope = TraceContext.use(inner)) {
      assertThatThrownBy(wrapped::run).isInstanceOf(IllegalStateException.class);
      assertThat(TraceContext.current()).isSameAs(inner);
    }
  }

  @Test
  void wrap_carriesTheSpanThroughExecutors() throws ExecutionException, InterruptedException {
    Executor executor = TraceContext.wrap((Executor) pool);
    ExecutorService service = TraceContext.wrap(pool);
    Callable<Boolean> isWithin = () -> TraceContext.current() == outer;
    CompletableFuture<Boolean> executed = new CompletableFuture<>();
    Future<Boolean> submitted;
    List<Future<Boolean>> all;
    try (Scope scope = TraceContext.use(outer)) {
      executor.execute(() -> executed.complete(TraceContext.current() == outer));
      submitted = service.submit(isWithin);
      all = service.invokeAll(List.of(isWithin, isWithin));
    }

    assertThat(executed.get()).isTrue();
    assertThat(submitted.get()).isTrue();
    for (Future<Boolean> one : all) {
      assertThat(one.get()).isTrue();
    }
    service.shutdown();
    assertThat(pool.isShutdown()).isTrue();
    assertThat(service.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    assertThat(service.isTerminated()).isTrue();
  }

  @Test
  void wrap_runsEveryDependentOfStageInTheSpan()
      throws ExecutionException, InterruptedException, TimeoutException {
    List<@Nullable Span> seen = new ArrayList<>();
    CompletableFuture<String> source = new CompletableFuture<>();
    CompletionStage<String> other = CompletableFuture.completedFuture("other");
    CompletionStage<?> last;
    try (Scope scope = TraceContext.use(outer)) {
      last =
          TraceContext.wrap((CompletionStage<String>) source)
              .thenApply(value -> note(seen, value))
              .thenApplyAsync(value -> note(seen, value), pool)
              .thenCompose(value -> CompletableFuture.supplyAsync(() -> value, pool))
              .thenCombine(other, (value, more) -> note(seen, value + more))
              .applyToEither(new CompletableFuture<>(), value -> note(seen, value))
              .whenComplete((value, thrown) -> note(seen, value))
              .handle((value, thrown) -> note(seen, value))
              .thenAcceptBoth(other, (value, more) -> note(seen, value))
              .runAfterBoth(other, () -> note(seen, ""))
              .runAfterEither(new CompletableFuture<>(), () -> note(seen, ""))
              .thenAccept(nothing -> note(seen, ""))
              .thenRunAsync(() -> note(seen, ""), pool);
    }

    pool.submit(() -> source.complete("value")).get();
    last.toCompletableFuture().get(10, TimeUnit.SECONDS);

    assertThat(seen).hasSize(11).allMatch(span -> span == outer);
  }

  @Test
  void wrap_runsTheHandlerOfAFailedStageInTheSpan()
      throws ExecutionException, InterruptedException {
    List<@Nullable Span> seen = new ArrayList<>();
    CompletableFuture<String> source = new CompletableFuture<>();
    CompletionStage<String> mended;
    CompletionStage<String> broken;
    try (Scope scope = TraceContext.use(outer)) {
      CompletionStage<String> wrapped = TraceContext.wrap((CompletionStage<String>) source);
      broken = wrapped.thenApply(value -> value);
      mended = wrapped.exceptionally(thrown -> note(seen, String.valueOf(thrown.getMessage())));
    }

    source.completeExceptionally(new IllegalStateException("broken"));

    assertThat(mended.toCompletableFuture().get()).isEqualTo("broken");
    assertThat(seen).containsExactly(outer);
    assertThatThrownBy(() -> broken.toCompletableFuture().join())
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(IllegalStateException.class);
  }

  @Test
  void suppress_holdsForInnerSpansAndWrappedTasks()
      throws ExecutionException, InterruptedException {
    Callable<Boolean> wrapped;
    try (Scope scope = TraceContext.suppress()) {
      assertThat(TraceContext.isSuppressed()).isTrue();
      assertThat(TraceContext.current()).isNull();
      try (Scope use = TraceContext.use(outer)) {
        assertThat(TraceContext.isSuppressed()).isTrue();
        wrapped = TraceContext.wrap((Callable<Boolean>) TraceContext::isSuppressed);
      }
    }

    assertThat(TraceContext.isSuppressed()).isFalse();
    assertThat(pool.submit(wrapped).get()).isTrue();
    assertThat(pool.submit((Callable<Boolean>) TraceContext::isSuppressed).get()).isFalse();
  }

  @Test
  void wrap_worksOnVirtualThreads()
      throws ReflectiveOperationException, ExecutionException, InterruptedException {
    assumeThat(Runtime.version().feature()).isGreaterThanOrEqualTo(21);
    ExecutorService virtual =
        (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    List<Future<Boolean>> results = new ArrayList<>();
    ExecutorService traced = TraceContext.wrap(virtual);
    for (int i = 0; i < 10_000; i++) {
      Span span = Span.root();
      try (Scope scope = TraceContext.use(span)) {
        results.add(
            traced.submit(
                () -> {
                  LockSupport.parkNanos(1);
                  return TraceContext.current() == span;
                }));
      }
    }

    for (Future<Boolean> result : results) {
      assertThat(result.get()).isTrue();
    }
    virtual.shutdown();
    assertThat(virtual.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
  }

  private static String note(List<@Nullable Span> seen, @Nullable String value) {
    synchronized (seen) {
      seen.add(TraceContext.current());
    }
    return String.valueOf(value);
  }

  @Test
  void useOfWork_makesItsSpanWhenSomebodyAsks() {
    Work work = new Work();
    try (TraceContext.Scope scope = TraceContext.use(work)) {
      assertThat(TraceContext.isIn(work)).isTrue();
      assertThat(TraceContext.isSuppressed()).isFalse();
      assertThat(work.asked).isZero();

      assertThat(TraceContext.current()).isSameAs(work.span);
      assertThat(TraceContext.current()).isSameAs(work.span);
      assertThat(work.asked).isEqualTo(1);
    }
    assertThat(TraceContext.current()).isNull();
    assertThat(TraceContext.isIn(work)).isFalse();
  }

  @Test
  void useOfWork_allocatesNothingAgain() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Work work = new Work();
    Work within = new Work();
    int uses = 100_000;
    for (int i = 0; i < uses; i++) {
      useBoth(work, within);
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < uses; i++) {
      useBoth(work, within);
    }

    // A garbage collection in the middle takes what was left over.
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(uses);
  }

  private static void useBoth(Work work, Work within) {
    try (Scope first = TraceContext.use(work);
        Scope second = TraceContext.use(within)) {
      if (!TraceContext.isIn(within) || TraceContext.isIn(work)) {
        throw new IllegalStateException("not in it");
      }
    }
  }

  @Test
  void wrap_keepsTheSpanOfWorkWhoseScopeServesAnother() {
    Work work = new Work();
    Work next = new Work();
    Runnable task = () -> assertThat(TraceContext.current()).isSameAs(work.span);
    Runnable wrapped;
    try (Scope scope = TraceContext.use(work)) {
      wrapped = TraceContext.wrap(task);
    }
    try (Scope scope = TraceContext.use(next)) {
      wrapped.run();
      assertThat(TraceContext.current()).isSameAs(next.span);
    }
  }

  @Test
  void wrap_asksForTheSpanOfWorkBeforeThatIsOver() {
    Work work = new Work();
    Runnable task = () -> assertThat(TraceContext.current()).isSameAs(work.span);
    Runnable wrapped;
    try (TraceContext.Scope scope = TraceContext.use(work)) {
      wrapped = TraceContext.wrap(task);
    }
    assertThat(work.asked).isEqualTo(1);
    wrapped.run();
    assertThat(work.asked).isEqualTo(1);
  }

  @Test
  void call_hasNoSpanUntilSomebodyAsks() {
    TraceContext.Calls calls = TraceContext.calls();

    int call = calls.begin();

    assertThat(calls.end(call)).isNull();
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void call_isAChildOfWhatIsAround() {
    try (Scope scope = TraceContext.use(outer)) {
      TraceContext.Calls calls = TraceContext.calls();
      int call = calls.begin();
      int nested = calls.begin();
      Span innermost = requireNonNull(TraceContext.current());
      Span ofNested = calls.end(nested);
      Span ofCall = requireNonNull(calls.end(call));

      assertThat(innermost).isSameAs(ofNested);
      assertThat(innermost.parentSpanId()).isEqualTo(ofCall.spanId());
      assertThat(ofCall.parentSpanId()).isEqualTo(outer.spanId());
      assertThat(TraceContext.current()).isSameAs(outer);
      assertThat(calls.end(calls.begin())).isNull();
    }
  }

  @Test
  void call_withinAScopeWithinACallIsAChildOfTheScope() {
    TraceContext.Calls calls = TraceContext.calls();
    int call = calls.begin();
    try (Scope scope = TraceContext.use(outer)) {
      int nested = calls.begin();
      Span within = requireNonNull(TraceContext.current());
      assertThat(within.parentSpanId()).isEqualTo(outer.spanId());
      calls.end(nested);
      assertThat(TraceContext.current()).isSameAs(outer);
    }
    Span own = TraceContext.current();
    assertThat(own).isNotNull().isNotSameAs(outer);
    assertThat(calls.end(call)).isSameAs(own);
  }

  @Test
  void call_canBeNestedAsDeepAsTheStack() {
    TraceContext.Calls calls = TraceContext.calls();
    int outermost = calls.begin();
    int last = outermost;
    for (int i = 1; i < 100_000; i++) {
      last = calls.begin();
    }
    Span within = requireNonNull(TraceContext.current());

    assertThat(calls.end(last)).isSameAs(within);
    Span own = requireNonNull(calls.end(outermost));
    assertThat(own.traceIdLow()).isEqualTo(within.traceIdLow());
    assertThat(own.parentSpanId()).isZero();
  }

  @Test
  void end_closesScopesThatWereForgottenWithinTheCall() {
    TraceContext.Calls calls = TraceContext.calls();
    int call = calls.begin();
    Scope forgotten = TraceContext.use(outer);

    calls.end(call);

    assertThat(TraceContext.current()).isNull();
    forgotten.close();
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void wrap_carriesTheSpanOfACall() throws ExecutionException, InterruptedException {
    TraceContext.Calls calls = TraceContext.calls();
    int call = calls.begin();
    Callable<Span> wrapped = TraceContext.wrap(() -> requireNonNull(TraceContext.current()));
    Span own = calls.end(call);

    assertThat(own).isNotNull();
    assertThat(pool.submit(wrapped).get()).isSameAs(own);
  }

  @Test
  void call_isSuppressedWithItsThread() {
    try (Scope scope = TraceContext.suppress()) {
      TraceContext.Calls calls = TraceContext.calls();
      int call = calls.begin();
      assertThat(TraceContext.isSuppressed()).isTrue();
      calls.end(call);
    }
    assertThat(TraceContext.isSuppressed()).isFalse();
  }

  private static final class Work implements SpanSource {
    private final Span span = Span.root();
    private int asked;

    @Override
    public Span span() {
      asked++;
      return span;
    }

    @Override
    public boolean isSuppressed() {
      return false;
    }
  }
}
