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
  void record_losesNothingAndKeepsOrderOfEachThread() throws InterruptedException {
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
    assertThat(seen).hasSize(threads * events);
    for (int thread = 0; thread < threads; thread++) {
      long first = (long) thread * events;
      assertThat(seen.stream().map(LifecycleEvent::connectionId))
          .filteredOn(id -> id >= first && id < first + events)
          .isEqualTo(ids(first, first + events));
    }
  }

  @Test
  void new_refusesNegativeSize() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new BufferedCollector(-1, batches::add))
        .withMessage("maxBufferSize must be >= 0, was -1");
  }

  private static LifecycleEvent event(long id) {
    return new ClientDisconnected(id, -1, 0, 0, false, 0, 0);
  }

  private static List<Long> ids(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
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
