// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SegmentRingTest {
  private static final SlotEncoder<Long> VALUE = (value, longs, l, refs, r) -> longs[l] = value;

  private final List<Long> drained = new ArrayList<>();

  @ParameterizedTest(name = "capacity {0}, {1} stripes, segments of {2}, {3} put")
  @CsvSource({
    "2048, 1, 256, 3000",
    "2048, 8, 256, 3000",
    "2048, 8, 256, 100000",
    "1, 1, 8, 1000",
    "1, 1, 1, 3",
    "3, 2, 2, 10",
    "5, 4, 1, 1000",
    "2048, 8, 256, 2048"
  })
  void drain_yieldsNewestInOrderWhenOneProducerOverfills(
      int capacity, int stripes, int segmentSize, int puts) {
    SegmentRing ring = new SegmentRing(capacity, 1, 0, stripes, segmentSize);

    for (long i = 0; i < puts; i++) {
      assertThat(ring.put(VALUE, i, i)).isTrue();
    }

    int kept = Math.min(capacity, puts);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(puts, 0, puts - kept, kept, 0));
    drainAll(ring, puts);
    assertThat(drained).isEqualTo(LongStream.range(puts - kept, puts).boxed().toList());
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(puts, kept, puts - kept, 0, 0));
  }

  @Test
  void heldSlots_growsWithWhatWaitsAndStaysWithinItsBound() {
    SegmentRing ring = new SegmentRing(64, 1, 0, 2, 8);
    assertThat(ring.heldSlots()).isZero();

    ring.put(VALUE, 0L, 0);
    assertThat(ring.heldSlots()).isEqualTo(8);
    for (long i = 1; i < 1_000; i++) {
      ring.put(VALUE, i, i);
      assertThat(ring.heldSlots()).isBetween((long) ring.depth(), ring.maxHeldSlots());
    }
    ring.drain(1, 1, (time, longs, l, refs, r) -> {});
    for (long i = 1_000; i < 2_000; i++) {
      ring.put(VALUE, i, i);
      assertThat(ring.heldSlots()).isBetween((long) ring.depth(), ring.maxHeldSlots());
    }

    // What the consumer has detached, and again as much, by one producer in one of two stripes.
    assertThat(ring.heldSlots()).isGreaterThan(2 * 64);
  }

  @Test
  void heldSlots_areNoneOfARingThatWasSealedUnused() {
    SegmentRing ring = new SegmentRing(64, 1, 0, 2, 8);

    ring.seal();

    assertThat(ring.heldSlots()).isZero();
  }

  @Test
  void cancel_holdsNothingUpAndCountsAsDropped() {
    SegmentRing ring = new SegmentRing(64, 1, 0, 1, 8);
    SegmentRing.Segment segment = ring.newest();
    int slot = ring.claim(segment);
    ring.put(VALUE, 7L, 7);

    ring.cancel(segment, slot);

    drainAll(ring, 8);
    assertThat(drained).containsExactly(7L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(2, 1, 1, 0, 0));
  }

  @Test
  void put_refusesWhenSealed() {
    SegmentRing ring = new SegmentRing(4, 1, 0, 2, 2);
    ring.put(VALUE, 1L, 1);

    ring.seal();

    assertThat(ring.put(VALUE, 2L, 2)).isFalse();
    drainAll(ring, 3);
    assertThat(drained).containsExactly(1L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(1, 1, 0, 0, 1));
  }

  @Test
  void put_countsEventWhoseEncoderThrowsAsDropped() {
    SegmentRing ring = new SegmentRing(4, 1, 0, 1, 2);
    ring.put(VALUE, 1L, 1);

    boolean isTaken =
        ring.put(
            (source, longs, l, refs, r) -> {
              throw new StackOverflowError("provoked");
            },
            2L,
            2);

    assertThat(isTaken).isFalse();
    ring.put(VALUE, 3L, 3);
    drainAll(ring, 3);
    assertThat(drained).containsExactly(1L, 3L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(3, 2, 1, 0, 0));
  }

  @Test
  void put_neverWedgesAtAnyStackDepth() throws InterruptedException {
    SegmentRing ring = new SegmentRing(1 << 20, 1, 0, 1, 1 << 14);
    // A stack of its own, small enough to be exhausted often.
    Depths depths = new Depths(ring);
    Thread deep = new Thread(null, () -> depths.putAtEach(30), "deep", 256 * 1024);

    deep.start();
    deep.join();

    assertThat(ring.counts().offered()).isBetween(1000L, depths.puts);
    for (int i = 0; i < 100; i++) {
      assertThat(ring.put(VALUE, (long) i, 1)).isTrue();
    }
    drainPastFrozen(ring);
    assertThat(drained.subList(drained.size() - 100, drained.size()))
        .isEqualTo(LongStream.range(0, 100).boxed().toList());
    SegmentRing.Counts counts = ring.counts();
    assertThat(counts.depth()).isZero();
    assertThat(counts.taken() + counts.dropped()).isEqualTo(counts.offered());
    assertThat(counts.taken()).isEqualTo(drained.size());
    assertThat(counts.taken()).as("accepted").isEqualTo(depths.accepted + 100);
  }

  @Test
  void counts_areExactWhenConsumerWasAwayForBillionsOfSegments()
      throws ReflectiveOperationException {
    SegmentRing ring = new SegmentRing(2, 1, 0, 1, 1);
    ring.put(VALUE, 1L, 1);
    setSegments(ring, Integer.MAX_VALUE);
    for (long i = 2; i < 10; i++) {
      ring.put(VALUE, i, i);
    }

    long offered = Integer.MAX_VALUE + 9L;
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(offered, 0, offered - 2, 2, 0));
    drainAll(ring, 10);
    assertThat(drained).containsExactly(8L, 9L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(offered, 2, offered - 2, 0, 0));
  }

  @Test
  void drain_givesUpFrozenWriterAfterASecond() throws InterruptedException {
    SegmentRing ring = new SegmentRing(100, 1, 0, 1, 4);
    ring.put(VALUE, 1L, 1);
    FrozenWriter writer = new FrozenWriter(ring);
    writer.awaitFrozen();
    ring.put(VALUE, 3L, 3);

    drainAll(ring, 10);
    assertThat(drained).containsExactly(1L);
    drainAll(ring, 10 + SegmentRing.FROZEN_NANOS - 1);
    assertThat(drained).containsExactly(1L);
    drainAll(ring, 10 + SegmentRing.FROZEN_NANOS);
    assertThat(drained).containsExactly(1L, 3L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(3, 2, 1, 0, 0));

    for (long i = 4; i < 10; i++) {
      ring.put(VALUE, i, i);
    }
    writer.thaw();
    drainAll(ring, 11 + SegmentRing.FROZEN_NANOS);
    assertThat(drained).containsExactly(1L, 3L, 4L, 5L, 6L, 7L, 8L, 9L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(9, 8, 1, 0, 0));
  }

  @Test
  void put_goesOnAroundFrozenWriter() throws InterruptedException {
    SegmentRing ring = new SegmentRing(64, 1, 0, 1, 8);
    FrozenWriter writer = new FrozenWriter(ring);
    writer.awaitFrozen();

    for (long i = 0; i < 100_000; i++) {
      ring.put(VALUE, i, i);
    }

    drainAll(ring, 100_000);
    assertThat(drained).isEqualTo(LongStream.range(100_000 - 64, 100_000).boxed().toList());
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(100_001, 64, 100_001 - 64, 0, 0));
    writer.thaw();
    for (long i = 0; i < 1000; i++) {
      ring.put(VALUE, i, i);
      drainAll(ring, 100_000);
    }
    assertThat(drained).hasSize(1064);
  }

  @Test
  void drain_passesOverStripeOfPreemptedWriterAfterGrace() throws InterruptedException {
    SegmentRing ring = new SegmentRing(64, 1, 0, 8, 8);
    FrozenWriter writer = new FrozenWriter(ring);
    writer.awaitFrozen();
    putFromOtherThreads(ring, 8);

    drainAll(ring, 100);
    assertThat(drained).isEmpty();
    drainAll(ring, 100 + SegmentRing.GRACE_NANOS);
    assertThat(drained).hasSizeGreaterThanOrEqualTo(4);

    writer.thaw();
    drainAll(ring, 200 + SegmentRing.GRACE_NANOS);
    assertThat(drained).hasSize(9);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(9, 9, 0, 0, 0));
  }

  @Test
  void discard_takesEverythingUnread() throws InterruptedException {
    SegmentRing ring = new SegmentRing(10, 1, 0, 1, 4);
    FrozenWriter writer = new FrozenWriter(ring);
    writer.awaitFrozen();
    for (long i = 0; i < 30; i++) {
      ring.put(VALUE, i, i);
    }

    ring.seal();

    assertThat(ring.discard()).isEqualTo(10);
    assertThat(ring.discard()).isZero();
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(31, 10, 21, 0, 0));
    drainAll(ring, 30);
    assertThat(drained).isEmpty();
    writer.thaw();
  }

  @Test
  void drain_holdsBackWhatWasStampedAfterItBegan() {
    SegmentRing ring = new SegmentRing(10, 1, 0, 2, 4);
    ring.put(VALUE, 1L, 100);
    ring.put(VALUE, 2L, 101);

    drainAll(ring, 100);
    assertThat(drained).containsExactly(1L);

    drainAll(ring, 101);
    assertThat(drained).containsExactly(1L, 2L);
  }

  @Test
  void drain_readsTimesAcrossZeroAndOverflow() {
    SegmentRing ring = new SegmentRing(10, 1, 0, 2, 4);
    long[] times = {Long.MAX_VALUE, Long.MIN_VALUE, -1, 0, 1};

    for (long time : times) {
      ring.put(VALUE, time, time);
      drainAll(ring, time + 1);
    }

    assertThat(drained).containsExactly(Long.MAX_VALUE, Long.MIN_VALUE, -1L, 0L, 1L);
  }

  @Test
  void drain_leavesRingConsistentWhenReaderThrows() {
    SegmentRing ring = new SegmentRing(10, 1, 0, 1, 4);
    for (long i = 0; i < 5; i++) {
      ring.put(VALUE, i, i);
    }

    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                ring.drain(
                    5,
                    5,
                    (time, longs, l, refs, r) -> {
                      throw new IllegalStateException("reader");
                    }));

    drainAll(ring, 5);
    assertThat(drained).containsExactly(1L, 2L, 3L, 4L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(5, 5, 0, 0, 0));
  }

  @Test
  void drain_releasesReferences() {
    SegmentRing ring = new SegmentRing(2, 0, 1, 1, 2);
    List<WeakReference<Object>> events = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      Object event = new Object();
      events.add(new WeakReference<>(event));
      ring.put((source, longs, l, refs, r) -> refs[r] = source, event, i);
    }

    while (ring.drain(1, 9, (time, longs, l, refs, r) -> {}) > 0) {}

    await()
        .until(
            () -> {
              System.gc();
              return events.stream().allMatch(event -> event.get() == null);
            });
    assertThat(ring.depth()).isZero();
  }

  @Test
  void put_allocatesNothingBelowCapacity() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    SegmentRing ring = new SegmentRing(2048, 7, 2);
    SlotReader reader = (time, longs, l, refs, r) -> longs[l]++;
    SlotEncoder<Long> encoder = (value, longs, l, refs, r) -> longs[l] = value;
    Long value = 1L;
    long id = Thread.currentThread().getId();
    long allocated = Long.MAX_VALUE;

    for (int round = 0; round < 50; round++) {
      long inRound = 0;
      for (int cycle = 0; cycle < 20; cycle++) {
        long before = threads.getThreadAllocatedBytes(id);
        for (int i = 0; i < 1000; i++) {
          ring.put(encoder, value, i);
        }
        inRound += threads.getThreadAllocatedBytes(id) - before;
        while (ring.drain(256, 1000, reader) > 0) {}
      }
      allocated = Math.min(allocated, inRound);
    }

    assertThat(allocated).as("bytes in a round of 20,000 puts").isZero();
    assertThat(ring.counts().dropped()).isZero();
  }

  @Test
  void await_returnsForEachSingleEventOfIdleRing() throws InterruptedException {
    int events = 10_000;
    SegmentRing ring = new SegmentRing(16, 1, 0, 8, 8);
    Semaphore taken = new Semaphore(0);
    Thread consumer =
        new Thread(
            () -> {
              for (int left = events; left > 0; ) {
                ring.await(TimeUnit.MINUTES.toNanos(1), 1);
                int count = ring.drain(16, Long.MAX_VALUE / 2, (time, longs, l, refs, r) -> {});
                left -= count;
                taken.release(count);
              }
            });
    consumer.start();

    for (int i = 0; i < events; i++) {
      ring.put(VALUE, 0L, i);

      assertThat(taken.tryAcquire(10, TimeUnit.SECONDS)).as("event %s", i).isTrue();
    }
    consumer.join();
  }

  @Test
  void await_wakesOncePerBatchNotPerEvent() throws InterruptedException {
    int batches = 200;
    int batch = 256;
    SegmentRing ring = new SegmentRing(2048, 1, 0, 1, 256);
    // The first put of all wakes the consumer up, whatever it waits for.
    ring.put(VALUE, 0L, 1);
    ring.drain(1, 1, (time, longs, l, refs, r) -> {});
    Semaphore taken = new Semaphore(0);
    List<Integer> depths = new ArrayList<>();
    Thread consumer =
        new Thread(
            () -> {
              for (int i = 0; i < batches; i++) {
                if (ring.await(TimeUnit.MINUTES.toNanos(1), batch)) {
                  depths.add(ring.depth());
                }
                while (ring.depth() < batch) {
                  Thread.onSpinWait();
                }
                ring.drain(batch, 1, (time, longs, l, refs, r) -> {});
                taken.release();
              }
            });
    consumer.start();

    for (int i = 0; i < batches; i++) {
      for (int event = 0; event < batch; event++) {
        ring.put(VALUE, 0L, 1);
      }
      assertThat(taken.tryAcquire(30, TimeUnit.SECONDS)).as("batch %s", i).isTrue();
    }
    consumer.join();

    assertThat(depths).as("waiting at each wake-up").allMatch(depth -> depth == batch);
    assertThat(depths).as("wake-ups").hasSizeGreaterThan(batches / 2);
    assertThat(ring.counts().taken()).isEqualTo(1 + (long) batches * batch);
  }

  @ParameterizedTest(name = "capacity {0}, {1} stripes, segments of {2}, {3} threads")
  @CsvSource({
    "4, 1, 1, 3",
    "8, 1, 4, 8",
    "64, 8, 8, 16",
    "2048, 8, 256, 4",
    "2048, 1, 256, 4",
    "1000, 4, 7, 64"
  })
  void put_losesNothingUncountedUnderLoad(int capacity, int stripes, int segmentSize, int threads)
      throws InterruptedException {
    SegmentRing ring = new SegmentRing(capacity, 3, 1, stripes, segmentSize);
    int events = 800_000 / threads;
    Random random = new Random(20_260_101L + capacity);
    CheckingReader reader = new CheckingReader(threads);
    CountDownLatch done = new CountDownLatch(threads);
    for (int thread = 0; thread < threads; thread++) {
      int own = thread;
      new Thread(
              () -> {
                long[] event = {own, 0, 0};
                for (int i = 1; i <= events; i++) {
                  event[1] = i;
                  event[2] = own * 31L + i * 17L;
                  ring.put(CheckingReader.ENCODER, event, System.nanoTime());
                }
                done.countDown();
              })
          .start();
    }

    long dropped = 0;
    while (done.getCount() > 0) {
      if (random.nextInt(10) == 0) {
        ring.await(random.nextInt(2_000_000), 1 + random.nextInt(capacity));
      }
      int count = ring.drain(1 + random.nextInt(300), System.nanoTime(), reader);
      assertThat(count).isGreaterThanOrEqualTo(0);
      SegmentRing.Counts counts = ring.counts();
      assertThat(counts.depth()).isBetween(0, capacity);
      assertThat(counts.taken() + counts.dropped() + counts.depth()).isEqualTo(counts.offered());
      assertThat(counts.dropped()).isGreaterThanOrEqualTo(dropped);
      dropped = counts.dropped();
    }
    await()
        .until(
            () -> {
              while (ring.drain(300, System.nanoTime(), reader) > 0) {}
              return ring.depth() == 0;
            });

    SegmentRing.Counts counts = ring.counts();
    assertThat(counts.offered()).isEqualTo((long) threads * events);
    assertThat(counts.taken()).isEqualTo(reader.taken);
    assertThat(counts.taken() + counts.dropped()).isEqualTo(counts.offered());
    assertThat(reader.torn).isZero();
    assertThat(reader.outOfOrder).isZero();
  }

  private void drainAll(SegmentRing ring, long now) {
    while (ring.drain(256, now, (time, longs, l, refs, r) -> drained.add(longs[l])) > 0) {}
  }

  private void drainPastFrozen(SegmentRing ring) {
    long now = 1;
    while (ring.depth() > 0) {
      drainAll(ring, now);
      now += SegmentRing.FROZEN_NANOS;
    }
  }

  private static void putFromOtherThreads(SegmentRing ring, int threads)
      throws InterruptedException {
    for (int i = 0; i < threads; i++) {
      long value = i;
      Thread thread = new Thread(() -> ring.put(VALUE, value, 10 + value));
      thread.start();
      thread.join();
    }
  }

  /** Pretends that so many segments were put behind the newest one. */
  private static void setSegments(SegmentRing ring, long count)
      throws ReflectiveOperationException {
    Object[] stripes = (Object[]) field(ring, "stripes").get(ring);
    Object newest = field(stripes[0], "current").get(stripes[0]);
    field(newest, "rel").set(newest, count);
  }

  private static Field field(Object owner, String name) throws NoSuchFieldException {
    Field field = owner.getClass().getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  /** Puts at every depth of the stack, to its very end. */
  private static final class Depths {
    private final SegmentRing ring;
    private long puts;
    private long accepted;

    Depths(SegmentRing ring) {
      this.ring = ring;
    }

    void putAtEach(int times) {
      for (int i = 0; i < times; i++) {
        try {
          recurse(0);
        } catch (StackOverflowError e) {
          // Every frame below has put once more on its way back.
        }
      }
    }

    @SuppressWarnings("InfiniteRecursion") // until the stack is exhausted, which is the point
    private int recurse(int depth) {
      try {
        return recurse(depth + 1) + 1;
      } finally {
        puts++;
        if (ring.put(VALUE, -1L, 1)) {
          accepted++;
        }
      }
    }
  }

  /** A thread that stops between claim and publication until it is thawed. */
  private static final class FrozenWriter {
    private final CountDownLatch frozen = new CountDownLatch(1);
    private final CountDownLatch thawed = new CountDownLatch(1);
    private final Thread thread;

    FrozenWriter(SegmentRing ring) {
      thread = new Thread(() -> ring.put(this::encode, -2L, 2));
      thread.start();
    }

    void awaitFrozen() throws InterruptedException {
      frozen.await();
    }

    void thaw() throws InterruptedException {
      thawed.countDown();
      thread.join();
    }

    private void encode(Long source, long[] longs, int l, @Nullable Object[] refs, int r) {
      frozen.countDown();
      try {
        thawed.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      longs[l] = source;
    }
  }

  /** Checks that each slot is whole and that each thread's events keep their order. */
  private static final class CheckingReader implements SlotReader {
    static final SlotEncoder<long[]> ENCODER =
        (event, longs, l, refs, r) -> {
          longs[l] = event[0];
          longs[l + 1] = event[1];
          longs[l + 2] = event[2];
          refs[r] = event;
        };

    private final long[] last;
    private long taken;
    private long torn;
    private long outOfOrder;

    CheckingReader(int threads) {
      last = new long[threads];
    }

    @Override
    public void read(long timestampNanos, long[] longs, int l, @Nullable Object[] refs, int r) {
      taken++;
      int thread = (int) longs[l];
      Object event = refs[r];
      if (longs[l + 2] != longs[l] * 31 + longs[l + 1] * 17
          || event == null
          || ((long[]) event)[0] != thread) {
        torn++;
      }
      if (longs[l + 1] <= last[thread]) {
        outOfOrder++;
      }
      last[thread] = longs[l + 1];
    }
  }
}
