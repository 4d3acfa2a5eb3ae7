// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.LifecycleEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class BufferedCollectorTest {
  private final List<List<LifecycleEvent>> batches = new ArrayList<>();

  @Test
  void flush_returnsAndClearsInOrder() {
    BufferedCollector collector = new BufferedCollector(0, batches::add);
    LongStream.range(0, 5000).forEach(id -> collector.record(event(id)));
    assertThat(collector.size()).isEqualTo(5000);

    List<LifecycleEvent> batch = collector.flush();

    assertThat(batch).map(LifecycleEvent::connectionId).isEqualTo(ids(0, 5000));
    assertThat(batches).containsExactly(batch);
    assertThat(collector.size()).isZero();
    assertThat(collector.flush()).isEmpty();
    assertThat(batches).hasSize(1);
    assertThatThrownBy(batch::clear).isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void record_flushesByItselfWhenFull() {
    BufferedCollector collector = new BufferedCollector(3, batches::add);

    LongStream.range(0, 8).forEach(id -> collector.record(event(id)));

    assertThat(batches).map(List::size).containsExactly(3, 3);
    assertThat(collector.size()).isEqualTo(2);
    assertThat(collector.flush()).map(LifecycleEvent::connectionId).containsExactly(6L, 7L);
  }

  @Test
  void flush_returnsBatchWhenCallbackThrows() {
    BufferedCollector collector =
        new BufferedCollector(
            2,
            batch -> {
              throw new AssertionError("callback");
            });

    LongStream.range(0, 3).forEach(id -> collector.record(event(id)));

    assertThat(collector.flush()).map(LifecycleEvent::connectionId).containsExactly(2L);
    assertThat(collector.callbackErrors()).isEqualTo(2);
  }

  @Test
  @Timeout(20)
  void record_doesNotDeadlockWhenCallbackRecordsAndFlushes() {
    List<Long> seen = new ArrayList<>();
    ReentrantCallback callback = new ReentrantCallback(seen);
    BufferedCollector collector = new BufferedCollector(2, callback);
    callback.collector = collector;

    collector.record(event(0));
    collector.record(event(1));

    assertThat(seen).isEqualTo(ids(0, 10));
    assertThat(callback.depthMax).as("one call at a time").isEqualTo(1);
  }

  @Test
  @Timeout(20)
  void record_accountsForAllAndKeepsOrderOfEachThread() throws InterruptedException {
    int threads = 4;
    int events = 20_000;
    ConcurrentLinkedQueue<LifecycleEvent> seen = new ConcurrentLinkedQueue<>();
    AtomicInteger inCallback = new AtomicInteger();
    AtomicInteger overlaps = new AtomicInteger();
    BufferedCollector collector =
        new BufferedCollector(
            7,
            batch -> {
              overlaps.addAndGet(inCallback.getAndIncrement());
              seen.addAll(batch);
              inCallback.decrementAndGet();
            });
    CountDownLatch done = new CountDownLatch(threads);
    for (int thread = 0; thread < threads; thread++) {
      long first = (long) thread * events;
      new Thread(
              () -> {
                LongStream.range(first, first + events).forEach(id -> collector.record(event(id)));
                done.countDown();
              })
          .start();
    }

    done.await();
    collector.flush();

    assertThat(overlaps).hasValue(0);
    assertThat(seen.size() + collector.droppedOldest()).isEqualTo((long) threads * events);
    for (int thread = 0; thread < threads; thread++) {
      long first = (long) thread * events;
      assertThat(seen.stream().map(LifecycleEvent::connectionId))
          .filteredOn(id -> id >= first && id < first + events)
          .isSorted()
          .doesNotHaveDuplicates();
    }
  }

  @Test
  @Timeout(20)
  void record_keepsBoundedNumberOfBatchesWhenCallbackHangs() throws InterruptedException {
    HangingCallback callback = new HangingCallback();
    BufferedCollector collector = new BufferedCollector(2, callback);
    Thread hung = new Thread(() -> recordBatches(collector, 0, 1));
    hung.start();
    callback.entered.await();
    int limit = BufferedCollector.MAX_WAITING_BATCHES;

    recordBatches(collector, 1, limit + 6);

    assertThat(collector.droppedOldest()).isEqualTo(10);
    callback.released.countDown();
    hung.join();
    collector.flush();
    List<Long> expected = new ArrayList<>(ids(0, 2));
    expected.addAll(ids(12, 12 + 2 * limit));
    assertThat(callback.seen).isEqualTo(expected);
  }

  @Test
  @Timeout(20)
  void record_handsOverOnlyWhatItFoundAndFlushTheRest() throws InterruptedException {
    HangingCallback callback = new HangingCallback();
    BufferedCollector collector = new BufferedCollector(2, callback);
    Thread first = new Thread(() -> recordBatches(collector, 0, 1));
    first.start();
    callback.entered.await();
    recordBatches(collector, 1, 4);
    callback.released.countDown();
    first.join();

    assertThat(callback.seen).as("the thread is free again").isEqualTo(ids(0, 2));
    recordBatches(collector, 4, 5);

    assertThat(callback.seen).isEqualTo(ids(0, 10));
    assertThat(collector.droppedOldest()).isZero();
  }

  @Test
  @Timeout(20)
  void flush_isHandedOverByTheThreadInTheCallback() throws InterruptedException {
    HangingCallback callback = new HangingCallback();
    BufferedCollector collector = new BufferedCollector(2, callback);
    Thread first = new Thread(() -> recordBatches(collector, 0, 1));
    first.start();
    callback.entered.await();
    recordBatches(collector, 1, 2);
    collector.record(event(4));
    collector.flush();
    callback.released.countDown();
    first.join();

    assertThat(callback.seen).isEqualTo(ids(0, 5));
  }

  @Test
  void new_refusesNegativeSize() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new BufferedCollector(-1, batches::add))
        .withMessage("maxBufferSize must be >= 0, was -1");
  }

  /** Fills the buffer of two again and again. */
  private static void recordBatches(BufferedCollector collector, int from, int to) {
    LongStream.range(2L * from, 2L * to).forEach(id -> collector.record(event(id)));
  }

  private static LifecycleEvent event(long id) {
    return new ClientDisconnected(id, -1, 0, 0, false, 0, 0);
  }

  private static List<Long> ids(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }

  private static final class HangingCallback implements Consumer<List<LifecycleEvent>> {
    private final CountDownLatch entered = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);
    private final List<Long> seen = new ArrayList<>();

    @Override
    public void accept(List<LifecycleEvent> batch) {
      entered.countDown();
      try {
        released.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      batch.forEach(event -> seen.add(event.connectionId()));
    }
  }

  private static final class ReentrantCallback implements Consumer<List<LifecycleEvent>> {
    private final List<Long> seen;
    private BufferedCollector collector = new BufferedCollector();
    private int depth;
    private int depthMax;

    ReentrantCallback(List<Long> seen) {
      this.seen = seen;
    }

    @Override
    public void accept(List<LifecycleEvent> batch) {
      depthMax = Math.max(depthMax, ++depth);
      batch.forEach(event -> seen.add(event.connectionId()));
      long next = seen.size();
      if (next < 10) {
        collector.record(event(next));
        collector.flush();
      }
      depth--;
    }
  }
}
