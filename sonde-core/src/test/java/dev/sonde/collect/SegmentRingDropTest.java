// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every event that was put is handed once, to the reader or to {@code onDrop}. */
final class SegmentRingDropTest {
  private static final SlotEncoder<Long> VALUE =
      (value, longs, l, refs, r) -> {
        longs[l] = value;
        refs[r] = value;
      };

  private final List<Long> drained = new ArrayList<>();
  private final List<Long> dropped = new ArrayList<>();

  @Test
  void put_tellsOfWhatItCuts() {
    SegmentRing ring = ring(4, 1, 2);

    putAll(ring, 0, 20);

    assertThat(dropped).isEqualTo(range(0, 14));
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(20, 0, 16, 4, 0));
  }

  @Test
  void drain_tellsOfExcess() {
    SegmentRing ring = ring(4, 1, 2);
    putAll(ring, 0, 20);

    drainAll(ring, 20);

    assertThat(drained).isEqualTo(range(16, 20));
    assertThat(dropped).isEqualTo(range(0, 16));
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(20, 4, 16, 0, 0));
  }

  @Test
  void drain_tellsOfExcessOverAllStripes() throws InterruptedException {
    SegmentRing ring = ring(5, 8, 2);
    for (long i = 0; i < 40; i++) {
      long value = i;
      Thread thread = new Thread(() -> ring.put(VALUE, value, value + 1));
      thread.start();
      thread.join();
    }

    drainAll(ring, 100);

    assertThat(drained).isEqualTo(range(35, 40));
    assertThat(dropped).containsExactlyInAnyOrderElementsOf(range(0, 35));
  }

  @Test
  void drain_leavesToProducerWhatThatIsCutting() throws InterruptedException {
    Gate gate = new Gate();
    SegmentRing ring =
        new SegmentRing(
            2,
            1,
            1,
            1,
            1,
            (time, longs, l, refs, r) -> {
              if (longs[l] == 0) {
                gate.pass();
              }
              synchronized (dropped) {
                dropped.add(longs[l]);
              }
            });
    Thread producer = new Thread(() -> putAll(ring, 0, 4));
    producer.start();
    gate.awaitArrival();

    drainAll(ring, 10);
    assertThat(drained).containsExactly(1L, 2L);
    assertThat(dropped).isEmpty();

    gate.open();
    producer.join();
    drainAll(ring, 10);
    assertThat(drained).containsExactly(1L, 2L, 3L);
    assertThat(dropped).containsExactly(0L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(4, 3, 1, 0, 0));
  }

  @Test
  void drain_tellsOfFrozenWritersEventOnceItIsThere() throws InterruptedException {
    SegmentRing ring = ring(100, 1, 4);
    ring.put(VALUE, 1L, 1);
    Gate gate = new Gate();
    Thread writer = putThrough(gate, ring, 2);
    putAll(ring, 3, 10);

    drainAll(ring, 10);
    drainAll(ring, 10 + SegmentRing.FROZEN_NANOS);
    assertThat(drained).containsExactly(1L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    assertThat(dropped).isEmpty();

    gate.open();
    writer.join();
    drainAll(ring, 11 + SegmentRing.FROZEN_NANOS);
    drainAll(ring, 12 + SegmentRing.FROZEN_NANOS);
    assertThat(dropped).containsExactly(2L);
    assertThat(drained).hasSize(8);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(9, 8, 1, 0, 0));
  }

  @Test
  void drain_tellsOfEventPublishedBetweenItsDropAndTheEndOfItsSegment()
      throws InterruptedException {
    SegmentRing ring = ring(100, 1, 4);
    Gate gate = new Gate();
    Thread writer = putThrough(gate, ring, 1);
    putAll(ring, 2, 4);
    drain(ring, 1, 10);

    drain(ring, 1, 10 + SegmentRing.FROZEN_NANOS);
    gate.open();
    writer.join();
    drainAll(ring, 10 + SegmentRing.FROZEN_NANOS);

    assertThat(drained).containsExactly(2L, 3L);
    assertThat(dropped).containsExactly(1L);
  }

  @Test
  void put_tellsOfAllAroundFrozenWriterAndLaterOfIts() throws InterruptedException {
    SegmentRing ring = ring(4, 1, 2);
    putAll(ring, 0, 1);
    Gate gate = new Gate();
    Thread writer = putThrough(gate, ring, 1);
    putAll(ring, 2, 1000);
    drainAll(ring, 1000);

    assertThat(drained).isEqualTo(range(996, 1000));
    assertThat(dropped).hasSize(995).doesNotContain(1L);

    gate.open();
    writer.join();
    drainAll(ring, 1000);
    assertThat(dropped).containsExactlyInAnyOrderElementsOf(range(0, 996));
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(1000, 4, 996, 0, 0));
  }

  @Test
  void discard_tellsOfAllThatIsLeft() throws InterruptedException {
    SegmentRing ring = ring(10, 1, 4);
    putAll(ring, 0, 3);
    Gate gate = new Gate();
    Thread writer = putThrough(gate, ring, 3);
    putAll(ring, 4, 8);
    drain(ring, 2, 10);
    ring.seal();

    assertThat(ring.discard()).isEqualTo(6);
    assertThat(drained).containsExactly(0L, 1L);
    assertThat(dropped).containsExactly(2L, 4L, 5L, 6L, 7L);

    gate.open();
    writer.join();
    drainAll(ring, 10);
    assertThat(drained).hasSize(2);
    assertThat(dropped).containsExactly(2L, 4L, 5L, 6L, 7L, 3L);
  }

  @Test
  void put_tellsNobodyOfEventWhoseEncoderThrew() {
    SegmentRing ring = ring(1, 1, 1);

    ring.put(
        (source, longs, l, refs, r) -> {
          throw new IllegalStateException("provoked");
        },
        0L,
        0);
    putAll(ring, 1, 10);
    drainAll(ring, 10);

    assertThat(dropped).isEqualTo(range(1, 9));
    assertThat(drained).containsExactly(9L);
  }

  @Test
  void dropFaults_countsWhatOnDropThrows() {
    SegmentRing ring =
        new SegmentRing(
            4,
            1,
            1,
            1,
            2,
            (time, longs, l, refs, r) -> {
              throw new StackOverflowError("provoked");
            });

    putAll(ring, 0, 20);
    drainAll(ring, 20);

    assertThat(ring.dropFaults()).isEqualTo(16);
    assertThat(drained).isEqualTo(range(16, 20));
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(20, 4, 16, 0, 0));
  }

  @Test
  void dropFaults_countsEventsInMoreSegmentsThanLimboHolds() {
    int writers = 1100;
    SegmentRing ring = ring(1, 1, 1);

    // Each encoder puts the next event before it ends: all but the innermost are in mid-put.
    new NestedWriters(ring, writers).put(0);
    drainAll(ring, writers);

    assertThat(drained).containsExactly(writers - 1L);
    long lost = ring.dropFaults();
    assertThat(lost).isBetween(1L, writers - 1024L);
    assertThat(dropped).doesNotHaveDuplicates().hasSize((int) (writers - 1 - lost));
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(writers, 1, writers - 1, 0, 0));
  }

  @ParameterizedTest(name = "capacity {0}, {1} stripes, segments of {2}, {3} threads, seed {4}")
  @CsvSource({
    "1, 1, 1, 3, 1",
    "2, 1, 1, 8, 2",
    "3, 2, 2, 4, 3",
    "64, 8, 8, 16, 4",
    "2048, 8, 256, 4, 5",
    "100, 1, 7, 32, 6"
  })
  void onDrop_andReaderGetEachEventOnceUnderLoad(
      int capacity, int stripes, int segmentSize, int threads, long seed)
      throws InterruptedException {
    int events = 400_000 / threads;
    AtomicIntegerArray handed = new AtomicIntegerArray(threads * events);
    AtomicLong drops = new AtomicLong();
    SegmentRing ring =
        new SegmentRing(
            capacity,
            1,
            1,
            stripes,
            segmentSize,
            (time, longs, l, refs, r) -> {
              handed.incrementAndGet((int) longs[l]);
              drops.incrementAndGet();
            });
    SlotReader reader = (time, longs, l, refs, r) -> handed.incrementAndGet((int) longs[l]);
    CountDownLatch done = new CountDownLatch(threads);
    for (int thread = 0; thread < threads; thread++) {
      int own = thread;
      new Thread(() -> putSlowly(ring, own * events, events, seed + own, done)).start();
    }

    Random random = new Random(seed);
    while (done.getCount() > 0) {
      if (random.nextInt(4) == 0) {
        ring.await(random.nextInt(1_000_000), 1 + random.nextInt(capacity));
      }
      ring.drain(1 + random.nextInt(300), System.nanoTime(), reader);
    }
    done.await();
    if (seed % 2 == 0) {
      ring.seal();
      ring.discard();
    }
    while (ring.drain(300, System.nanoTime(), reader) > 0 || ring.depth() > 0) {}

    assertThat(IntStream.range(0, handed.length()).filter(i -> handed.get(i) != 1).boxed())
        .isEmpty();
    assertThat(drops.get()).isPositive();
    assertThat(ring.dropFaults()).isZero();
    assertThat(ring.counts().offered()).isEqualTo((long) threads * events);
  }

  @Test
  void drain_releasesReferencesInLimbo() throws InterruptedException {
    SegmentRing ring = new SegmentRing(8, 1, 1, 1, 4, (time, longs, l, refs, r) -> {});
    Gate gate = new Gate();
    Thread writer = putThrough(gate, ring, 0);
    List<WeakReference<Object>> events = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Object event = new Object();
      events.add(new WeakReference<>(event));
      ring.put((source, longs, l, refs, r) -> refs[r] = source, event, 1);
    }

    drainAll(ring, 1);
    ring.drain(8, 1 + SegmentRing.FROZEN_NANOS, (time, longs, l, refs, r) -> {});

    await()
        .until(
            () -> {
              System.gc();
              return events.stream().allMatch(event -> event.get() == null);
            });
    gate.open();
    writer.join();
  }

  private SegmentRing ring(int capacity, int stripes, int segmentSize) {
    return new SegmentRing(
        capacity, 1, 1, stripes, segmentSize, (time, longs, l, refs, r) -> dropped.add(longs[l]));
  }

  private static void putAll(SegmentRing ring, long from, long to) {
    for (long i = from; i < to; i++) {
      ring.put(VALUE, i, i + 1);
    }
  }

  private void drainAll(SegmentRing ring, long now) {
    while (drain(ring, 256, now) > 0) {}
  }

  private int drain(SegmentRing ring, int max, long now) {
    return ring.drain(max, now, (time, longs, l, refs, r) -> drained.add(longs[l]));
  }

  private static List<Long> range(long from, long to) {
    return LongStream.range(from, to).boxed().toList();
  }

  private static void putSlowly(
      SegmentRing ring, int first, int events, long seed, CountDownLatch done) {
    Random random = new Random(seed);
    SlotEncoder<Long> slow =
        (value, longs, l, refs, r) -> {
          LockSupport.parkNanos(1);
          longs[l] = value;
        };
    for (long i = first; i < first + events; i++) {
      ring.put(random.nextInt(100) == 0 ? slow : VALUE, i, System.nanoTime());
    }
    done.countDown();
  }

  /** Puts an event whose writer stops in mid-put until the gate opens; returns when it has. */
  private static Thread putThrough(Gate gate, SegmentRing ring, long event)
      throws InterruptedException {
    SlotEncoder<Long> encoder =
        (value, longs, l, refs, r) -> {
          gate.pass();
          VALUE.encode(value, longs, l, refs, r);
        };
    Thread thread = new Thread(() -> ring.put(encoder, event, event + 1));
    thread.start();
    gate.awaitArrival();
    return thread;
  }

  /** Stops one thread until it is opened. */
  private static final class Gate {
    private final CountDownLatch arrived = new CountDownLatch(1);
    private final CountDownLatch open = new CountDownLatch(1);

    void pass() {
      arrived.countDown();
      try {
        open.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    void awaitArrival() throws InterruptedException {
      arrived.await();
    }

    void open() {
      open.countDown();
    }
  }

  /** Writers of which each is in mid-put until all after it have put. */
  private record NestedWriters(SegmentRing ring, long writers) {
    void put(long event) {
      ring.put(this::encode, event, event + 1);
    }

    private void encode(Long event, long[] longs, int l, @Nullable Object[] refs, int r) {
      if (event + 1 < writers) {
        put(event + 1);
      }
      longs[l] = event;
    }
  }
}
