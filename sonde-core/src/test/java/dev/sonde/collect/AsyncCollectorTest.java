// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import dev.sonde.collect.AsyncCollector.Counts;
import dev.sonde.collect.AsyncCollector.SinkState;
import dev.sonde.testing.BlockingSink;
import dev.sonde.testing.FailingSink;
import dev.sonde.testing.ManualClock;
import dev.sonde.testing.RecordingSink;
import dev.sonde.trace.TraceContext;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AsyncCollectorTest {
  private static final Duration SOON = Duration.ofMillis(1);

  private final RecordingSink<Integer> sink = new RecordingSink<>();
  private final CapturedLog log = new CapturedLog("dev.sonde.core", Level.INFO);

  @AfterEach
  void releaseLog() {
    log.close();
  }

  @Test
  void enqueue_keepsNewestInOrderWhenSinkBlocks() throws InterruptedException {
    BlockingSink<Integer> blocking = new BlockingSink<>();
    AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(blocking).flushInterval(SOON).start();
    collector.enqueue(-1);
    blocking.awaitEntered();

    IntStream.range(0, 3000).forEach(collector::enqueue);

    assertThat(collector.counts())
        .isEqualTo(new Counts(3001, 0, 952, 0, 0, 0, 2049, 0, SinkState.ACTIVE));
    blocking.release();
    collector.close();
    assertThat(blocking.taken().elements())
        .isEqualTo(IntStream.concat(IntStream.of(-1), IntStream.range(952, 3000)).boxed().toList());
    assertThat(collector.counts())
        .isEqualTo(new Counts(3001, 2049, 952, 0, 0, 0, 0, 0, SinkState.CLOSED));
  }

  @Test
  void enqueue_deliversFullBatchAtOnce() {
    try (AsyncCollector<Integer> collector =
        AsyncCollector.builder(sink).batchMax(10).flushInterval(Duration.ofMinutes(1)).start()) {
      IntStream.range(0, 25).forEach(collector::enqueue);

      await().until(() -> collector.processed() == 20);
      assertThat(collector.queueDepth()).isEqualTo(5);
    }
    assertThat(sink.elements()).isEqualTo(IntStream.range(0, 25).boxed().toList());
    assertThat(sink.batches()).allMatch(batch -> batch.size() <= 10).hasSize(3);
    assertThat(sink.closes()).isEqualTo(1);
  }

  @Test
  void enqueue_deliversPartOfBatchOnceOldestIsOld() {
    ManualClock clock = new ManualClock();
    try (AsyncCollector<Integer> collector =
        AsyncCollector.builder(sink).flushInterval(Duration.ofMillis(20)).clock(clock).start()) {
      IntStream.range(0, 3).forEach(collector::enqueue);
      await()
          .during(Duration.ofMillis(60))
          .until(() -> sink.batches().isEmpty() && collector.queueDepth() == 3);

      clock.advance(Duration.ofMillis(20));

      await().until(() -> sink.batches().equals(List.of(List.of(0, 1, 2))));
    }
  }

  @Test
  void enqueue_deliversEachSingleEventWhenIdle() throws InterruptedException {
    Semaphore delivered = new Semaphore(0);
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(batch -> delivered.release(batch.size()))
            .batchMax(1)
            .flushInterval(Duration.ofMinutes(1))
            .start()) {
      for (int i = 0; i < 10_000; i++) {
        collector.enqueue(i);

        assertThat(delivered.tryAcquire(10, TimeUnit.SECONDS)).as("event %s", i).isTrue();
      }
    }
  }

  @Test
  void enqueue_countsEverythingWhenSinkThrowsOnAnyCall() {
    List<Throwable> kinds =
        List.of(
            new Exception("checked"),
            new IllegalStateException("unchecked"),
            new OutOfMemoryError("provoked"),
            new StackOverflowError("provoked"),
            new NoClassDefFoundError("provoked"),
            new InterruptedException("provoked"),
            new ThreadDeath());
    int events = 60;
    for (Throwable kind : kinds) {
      for (int call = 1; call <= events; call++) {
        ThrowingSink throwing = new ThrowingSink(call, kind);
        AsyncCollector<Integer> collector =
            AsyncCollector.builder(throwing).batchMax(1).flushInterval(SOON).start();

        IntStream.range(0, events).forEach(collector::enqueue);

        collector.close();
        assertThat(collector.counts())
            .as("%s on call %s", kind, call)
            .isEqualTo(new Counts(events, events - 1, 0, 1, 0, 0, 0, 1, SinkState.CLOSED));
        assertThat(throwing.taken).hasValue(events - 1);
      }
    }
  }

  @Test
  void enqueue_triesDisabledSinkAgainEverMoreSeldom() {
    ManualClock clock = new ManualClock();
    FailingSink<Integer> failing = new FailingSink<>(8);
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(failing)
            .batchMax(1)
            .flushInterval(SOON)
            .clock(clock)
            .start()) {
      enqueueAndSettle(collector, 7);
      assertThat(collector.sinkState()).isEqualTo(SinkState.DISABLED);
      assertThat(failing.attempts()).isEqualTo(5);

      for (int seconds : new int[] {30, 60, 120}) {
        clock.advance(Duration.ofSeconds(seconds).minusNanos(1));
        enqueueAndSettle(collector, 1);
        int before = failing.attempts();
        clock.advance(Duration.ofNanos(1));
        enqueueAndSettle(collector, 2);
        assertThat(failing.attempts()).isEqualTo(before + 1);
      }
      assertThat(collector.counts())
          .isEqualTo(new Counts(16, 0, 0, 16, 0, 0, 0, 8, SinkState.DISABLED));

      clock.advance(Duration.ofMinutes(4));
      enqueueAndSettle(collector, 2);
      assertThat(collector.counts())
          .isEqualTo(new Counts(18, 2, 0, 16, 0, 0, 0, 8, SinkState.ACTIVE));
      assertThat(log.lines())
          .containsExactly(
              "WARNING Sink sink failed, events lost: 1",
              "WARNING Sink sink is disabled after 5 failed batches in a row; it is tried again in"
                  + " 30 s",
              "INFO Sink sink works again");
    }
  }

  @Test
  void enqueue_leavesSinkDisabledWithoutRetry() {
    ManualClock clock = new ManualClock();
    FailingSink<Integer> failing = new FailingSink<>(1);
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(failing)
            .batchMax(1)
            .flushInterval(SOON)
            .maxConsecutiveSinkFailures(1)
            .sinkRetry(false)
            .clock(clock)
            .start()) {
      enqueueAndSettle(collector, 1);
      clock.advance(Duration.ofDays(1));

      enqueueAndSettle(collector, 3);

      assertThat(failing.attempts()).isEqualTo(1);
      assertThat(collector.counts())
          .isEqualTo(new Counts(4, 0, 0, 4, 0, 0, 0, 1, SinkState.DISABLED));
    }
  }

  @Test
  void enqueue_keepsSinkWhenSuccessLiesBetweenFailures() {
    AtomicInteger calls = new AtomicInteger();
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(
                batch -> {
                  if (calls.incrementAndGet() % 5 != 0) {
                    throw new IllegalStateException("four of five fail");
                  }
                })
            .batchMax(1)
            .start()) {
      enqueueAndSettle(collector, 50);

      assertThat(collector.counts())
          .isEqualTo(new Counts(50, 10, 0, 40, 0, 0, 0, 40, SinkState.ACTIVE));
    }
  }

  @Test
  void enqueue_losesOnlyThePoison() {
    AtomicInteger taken = new AtomicInteger();
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(batch -> takeAllBut(batch, 7, taken))
            .batchMax(10)
            .start()) {
      enqueueAndSettle(collector, 700);

      assertThat(taken).hasValue(600);
      assertThat(collector.counts())
          .isEqualTo(new Counts(700, 600, 0, 0, 100, 0, 0, 0, SinkState.ACTIVE));
    }
  }

  @Test
  void enqueue_neverDisablesASinkThatPauses() {
    AtomicInteger calls = new AtomicInteger();
    Sink<Integer> pausing =
        batch -> {
          if (calls.incrementAndGet() <= 20) {
            throw new SinkPausedException(1, null);
          }
        };
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(pausing).batchMax(10).start()) {
      enqueueAndSettle(collector, 300);

      assertThat(collector.counts())
          .isEqualTo(new Counts(300, 280, 0, 20, 0, 0, 0, 20, SinkState.ACTIVE));
    }
  }

  @Test
  void enqueue_tellsPoisonFromLossWhenASinkPauses() {
    Sink<Integer> pausing =
        batch -> {
          throw new SinkPausedException(3, 2, null);
        };
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(pausing).batchMax(10).start()) {
      enqueueAndSettle(collector, 100);

      assertThat(collector.counts())
          .isEqualTo(new Counts(100, 50, 0, 30, 20, 0, 0, 10, SinkState.ACTIVE));
    }
  }

  @Test
  @SuppressWarnings("NullAway") // as a caller without null checks could
  void enqueue_countsNullAsPoison() {
    try (AsyncCollector<Integer> collector = AsyncCollector.builder(sink).batchMax(3).start()) {
      collector.enqueue(1);
      collector.enqueue(null);
      collector.enqueue(2);
      for (int i = 0; i < 3; i++) {
        collector.enqueue(null);
      }

      await().until(() -> collector.queueDepth() == 0);
      assertThat(sink.batches()).containsExactly(List.of(1, 2));
      assertThat(collector.counts())
          .isEqualTo(new Counts(6, 2, 0, 0, 4, 0, 0, 0, SinkState.ACTIVE));
    }
  }

  @Test
  void enqueue_survivesInterruptsOfWriterAndCaller() {
    AtomicReference<@Nullable Thread> writer = new AtomicReference<>();
    AtomicInteger taken = new AtomicInteger();
    AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(
                batch -> {
                  writer.set(Thread.currentThread());
                  taken.addAndGet(batch.size());
                })
            .batchMax(16)
            .flushInterval(SOON)
            .start();
    Thread.currentThread().interrupt();

    for (int i = 0; i < 20_000; i++) {
      collector.enqueue(i);
      Thread thread = writer.get();
      if (thread != null) {
        thread.interrupt();
      }
    }
    collector.close(Duration.ofSeconds(20));

    assertThat(Thread.interrupted()).as("flag of the caller").isTrue();
    Counts counts = collector.counts();
    assertThat(counts.processed()).isEqualTo(taken.get());
    assertThat(counts)
        .isEqualTo(
            new Counts(20_000, taken.get(), 20_000 - taken.get(), 0, 0, 0, 0, 0, SinkState.CLOSED));
  }

  @Test
  void enqueue_deliversNewestAndCountsRestWhenSinkIsSlow() {
    AtomicInteger last = new AtomicInteger();
    AtomicInteger taken = new AtomicInteger();
    AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(
                batch -> {
                  LockSupport.parkNanos(1_000_000);
                  taken.addAndGet(batch.size());
                  last.set(batch.get(batch.size() - 1));
                })
            .start();
    int events = 1_000_000;

    for (int i = 1; i <= events; i++) {
      collector.enqueue(i);
      if (i % 100_000 == 0) {
        Counts counts = collector.counts();
        assertThat(counts.queueDepth()).isLessThanOrEqualTo(2048 + 256);
        assertThat(accountedFor(counts)).isEqualTo(i);
      }
    }
    collector.close(Duration.ofSeconds(20));

    assertThat(last).hasValue(events);
    assertThat(collector.counts())
        .isEqualTo(
            new Counts(events, taken.get(), events - taken.get(), 0, 0, 0, 0, 0, SinkState.CLOSED));
    assertThat(taken.get()).isLessThan(events);
  }

  @Test
  void accept_runsUnobservedOnDaemonThread() {
    AtomicBoolean observed = new AtomicBoolean(true);
    try (AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(
                batch ->
                    observed.set(
                        !TraceContext.isSuppressed() || !Thread.currentThread().isDaemon()))
            .batchMax(1)
            .start()) {
      enqueueAndSettle(collector, 1);
    }

    assertThat(observed).isFalse();
  }

  @ParameterizedTest(name = "{0} ms")
  @ValueSource(ints = {0, 100})
  void close_returnsInTimeWhenSinkHangs(int timeoutMillis) throws InterruptedException {
    BlockingSink<Integer> hanging = new BlockingSink<>();
    AsyncCollector<Integer> harmed =
        AsyncCollector.<Integer>builder(hanging).batchMax(10).name("hanging").start();
    AsyncCollector<Integer> other = AsyncCollector.builder(sink).batchMax(10).start();
    IntStream.range(0, 30).forEach(harmed::enqueue);
    hanging.awaitEntered();
    enqueueAndSettle(other, 10);

    long start = System.nanoTime();
    harmed.close(Duration.ofMillis(timeoutMillis));
    long elapsed = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);

    Counts closed = new Counts(30, 0, 0, 0, 0, 30, 0, 0, SinkState.CLOSED);
    assertThat(elapsed).isBetween((long) timeoutMillis, timeoutMillis + 1000L);
    assertThat(harmed.counts()).isEqualTo(closed);
    hanging.release();
    await().until(() -> hanging.taken().elements().size() == 10);
    assertThat(harmed.counts()).isEqualTo(closed);
    assertThat(other.processed()).isEqualTo(10);
    other.close();
  }

  @Test
  void sinkState_isStalledWhenOneCallTakesLong() throws InterruptedException {
    ManualClock clock = new ManualClock();
    BlockingSink<Integer> hanging = new BlockingSink<>();
    AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(hanging).batchMax(1).clock(clock).start();
    collector.enqueue(1);
    hanging.awaitEntered();
    assertThat(collector.sinkState()).isEqualTo(SinkState.ACTIVE);

    clock.advance(Duration.ofSeconds(11));

    assertThat(collector.sinkState()).isEqualTo(SinkState.STALLED);
    assertThat(log.lines()).isEmpty();
    collector.warnIfStalled();
    collector.warnIfStalled();
    assertThat(log.lines())
        .containsExactly(
            "WARNING Sink sink has not returned from one call for more than 10 s; until it does,"
                + " new events push out old ones");
    hanging.release();
    await().until(() -> collector.sinkState() == SinkState.ACTIVE);
    collector.close();
  }

  @Test
  void close_countsLateEventsAndIsIdempotent() {
    AsyncCollector<Integer> collector = AsyncCollector.builder(sink).start();
    IntStream.range(0, 5).forEach(collector::enqueue);

    collector.close();
    collector.close();
    IntStream.range(0, 7).forEach(collector::enqueue);

    assertThat(collector.counts()).isEqualTo(new Counts(12, 5, 0, 0, 0, 7, 0, 0, SinkState.CLOSED));
    assertThat(sink.elements()).containsExactly(0, 1, 2, 3, 4);
    assertThat(sink.closes()).isEqualTo(1);
  }

  @Test
  void close_drainsWhenSinkItselfCloses() {
    AtomicReference<@Nullable AsyncCollector<Integer>> self = new AtomicReference<>();
    AtomicInteger taken = new AtomicInteger();
    AsyncCollector<Integer> collector =
        AsyncCollector.<Integer>builder(
                batch -> {
                  taken.addAndGet(batch.size());
                  AsyncCollector<Integer> own = self.get();
                  if (own != null) {
                    own.close();
                  }
                })
            .batchMax(10)
            .start();
    self.set(collector);

    IntStream.range(0, 25).forEach(collector::enqueue);

    await().until(() -> collector.sinkState() == SinkState.CLOSED && collector.queueDepth() == 0);
    assertThat(accountedFor(collector.counts())).isEqualTo(25);
    assertThat(collector.processed()).isEqualTo(taken.get());
  }

  @Test
  void close_countsFailingCloseOfSink() {
    AsyncCollector<Integer> collector = AsyncCollector.builder(new UnclosableSink()).start();

    collector.close();

    assertThat(collector.flushErrors()).isEqualTo(1);
  }

  @Test
  void close_leavesNoThreadAndNoExitHook() throws InterruptedException {
    WeakReference<AsyncCollector<Integer>> closed = new WeakReference<>(startAndClose(100));

    await().until(() -> writersAlive() == 0);
    await()
        .until(
            () -> {
              System.gc();
              return closed.get() == null;
            });
  }

  @Test
  void start_refusesValuesOutOfLimits() {
    AsyncCollector.Builder<Integer> builder = AsyncCollector.builder(sink);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.queueSize(0))
        .withMessage("queueSize must be within [1, 1048576], was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.batchMax(65_537))
        .withMessage("batchMax must be within [1, 65536], was 65537");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.maxConsecutiveSinkFailures(0))
        .withMessage("maxConsecutiveSinkFailures must be within [1, 1000000], was 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.flushInterval(Duration.ZERO))
        .withMessage("flushInterval must be within [PT0.001S, PT1M], was PT0S");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.name(" "))
        .withMessage("name must not be blank, was ' '");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder.queueSize(100).start())
        .withMessage("batchMax must be <= queueSize (100), was 256");
  }

  @Test
  void close_refusesNegativeTimeout() {
    try (AsyncCollector<Integer> collector = AsyncCollector.builder(sink).start()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> collector.close(Duration.ofNanos(-1)))
          .withMessage("timeout must be >= 0, was PT-0.000000001S");
    }
  }

  private static void enqueueAndSettle(AsyncCollector<Integer> collector, int events) {
    for (int i = 0; i < events; i++) {
      collector.enqueue(i);
    }
    await().pollInterval(Duration.ofMillis(1)).until(() -> collector.queueDepth() == 0);
  }

  private static void takeAllBut(List<Integer> batch, int divisor, AtomicInteger taken)
      throws PoisonException {
    int poisoned = 0;
    for (int element : batch) {
      if (element % divisor == 0) {
        poisoned++;
      } else {
        taken.incrementAndGet();
      }
    }
    if (poisoned > 0) {
      throw new PoisonException(poisoned, null);
    }
  }

  private static AsyncCollector<Integer> startAndClose(int times) {
    AsyncCollector<Integer> last;
    do {
      last = AsyncCollector.<Integer>builder(batch -> {}).name("short-lived").start();
      last.enqueue(1);
      last.close();
    } while (--times > 0);
    return last;
  }

  private static long writersAlive() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("sonde-short-lived"))
        .count();
  }

  private static long accountedFor(Counts counts) {
    return counts.processed()
        + counts.droppedOldest()
        + counts.droppedSinkFailed()
        + counts.droppedPoison()
        + counts.droppedClosed()
        + counts.queueDepth();
  }

  private static final class ThrowingSink implements Sink<Integer> {
    private final int failingCall;
    private final Throwable failure;
    private final AtomicInteger taken = new AtomicInteger();
    private int calls;

    ThrowingSink(int failingCall, Throwable failure) {
      this.failingCall = failingCall;
      this.failure = failure;
    }

    @Override
    public void accept(List<Integer> batch) {
      if (++calls == failingCall) {
        throwAny(failure);
      }
      taken.addAndGet(batch.size());
    }

    @SuppressWarnings("unchecked") // sneaky: E is inferred as unchecked
    private static <E extends Throwable> void throwAny(Throwable failure) throws E {
      throw (E) failure;
    }
  }

  private static final class UnclosableSink implements Sink<Integer> {
    @Override
    public void accept(List<Integer> batch) {}

    @Override
    public void close() {
      throw new IllegalStateException("cannot close");
    }
  }
}
