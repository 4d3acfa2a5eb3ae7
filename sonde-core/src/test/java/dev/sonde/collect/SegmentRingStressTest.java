// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Rounds of random shape, each from a seed of its own; the oracles hold in every interleaving.
 *
 * <p>{@code -Dsonde.stress.events} is how many events are put at least, {@code -Dsonde.stress.seed}
 * the seed of the first round, and of the failed one in a message. With {@code CI=true}, rounds go
 * on for 30 s.
 */
final class SegmentRingStressTest {
  private static final Logger LOGGER = System.getLogger(SegmentRingStressTest.class.getName());

  private static final int DRAINED_EVENTS = 1_000_000;
  private static final int STALLED_EVENTS = 200_000;

  /** Far more than any round takes that is not wedged. */
  private static final long ROUND_NANOS = TimeUnit.MINUTES.toNanos(2);

  @Test
  @Timeout(300)
  void ring_keepsItsPromisesInRoundsOfAnyShape() throws InterruptedException {
    boolean isCi = "true".equals(System.getenv("CI"));
    long events = Long.getLong("sonde.stress.events", 3_000_000);
    long seed = Long.getLong("sonde.stress.seed", new Random().nextInt());
    LOGGER.log(Level.INFO, "first seed {0}, at least {1} events", Long.toString(seed), events);
    long start = System.nanoTime();
    long put = 0;
    long taken = 0;
    long rounds = 0;
    while (put < events || (isCi && System.nanoTime() - start < TimeUnit.SECONDS.toNanos(30))) {
      Round round = new Round(seed + rounds);
      round.run();
      put += round.ring.counts().offered();
      taken += round.ring.counts().taken();
      rounds++;
    }
    LOGGER.log(
        Level.INFO,
        "{0} events in {1} rounds, {2} taken, {3} dropped, {4} s",
        put,
        rounds,
        taken,
        put - taken,
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
  }

  /** One ring, its producers and its consumer. */
  private static final class Round {
    private final SplittableRandom random;
    private final String shape;
    private final boolean isStalled;
    private final boolean isOneStripe;
    private final int capacity;
    private final SegmentRing ring;
    private final List<Producer> producers = new ArrayList<>();
    private final Tally taken = new Tally();
    private final LongAdder toldDrops = new LongAdder();
    private final LongAdder toldChecksums = new LongAdder();
    private final LongAdder tornDrops = new LongAdder();
    private final boolean isTold;
    private final long startNanos = System.nanoTime();

    Round(long seed) {
      random = new SplittableRandom(seed);
      // Half of all rings are tiny, where most goes wrong.
      capacity = 1 + random.nextInt(random.nextBoolean() ? 8 : 4096);
      int stripes = 1 << random.nextInt(5);
      int segmentSize =
          random.nextBoolean()
              ? SegmentRing.defaultSegmentSize(capacity)
              : 1 + random.nextInt(Math.max(capacity / 64, 16));
      segmentSize = Math.max(segmentSize, capacity / 64 + 1);
      isStalled = random.nextInt(4) == 0;
      isTold = random.nextBoolean();
      isOneStripe = stripes == 1;
      int threads = 1 + random.nextInt(random.nextBoolean() ? 4 : 64);
      ring =
          new SegmentRing(capacity, 3, 1, stripes, segmentSize, isTold ? this::countDropped : null);
      AtomicLong tickets = new AtomicLong();
      int each = (isStalled ? STALLED_EVENTS : DRAINED_EVENTS) / threads;
      for (int i = 0; i < threads; i++) {
        producers.add(new Producer(ring, i, each, random.nextLong(), isStalled ? tickets : null));
      }
      taken.last = new long[threads];
      taken.first = new long[threads];
      shape =
          "-Dsonde.stress.seed=%d: capacity %d, %d stripes, segments of %d, %d threads%s%s"
              .formatted(
                  seed,
                  capacity,
                  stripes,
                  segmentSize,
                  threads,
                  isStalled ? ", stalled" : "",
                  isTold ? ", told of drops" : "");
    }

    void run() throws InterruptedException {
      CountDownLatch running = new CountDownLatch(producers.size());
      for (Producer producer : producers) {
        new Thread(() -> producer.run(running)).start();
      }
      if (isStalled) {
        running.await();
      }
      while (running.getCount() > 0) {
        stall();
        ring.drain(1 + random.nextInt(300), System.nanoTime(), taken);
        checkLaw();
        checkTime();
      }
      if (isStalled) {
        assertThat(ring.depth()).as(shape).isEqualTo(Math.min(capacity, offered()));
      }
      while (ring.drain(300, System.nanoTime(), taken) > 0 || ring.depth() > 0) {
        checkTime();
      }
      checkEnd();
      if (isStalled) {
        checkNewestSurvived();
      }
    }

    private void stall() {
      switch (random.nextInt(16)) {
        case 0 -> LockSupport.parkNanos(random.nextInt(2_000_000));
        case 1, 2 -> ring.await(random.nextInt(2_000_000), 1 + random.nextInt(capacity));
        default -> {}
      }
    }

    private long offered() {
      return (long) producers.size() * producers.get(0).events;
    }

    /** A slot that is never published would be waited for without end. */
    private void checkTime() {
      assertThat(System.nanoTime() - startNanos).as("wedged, " + shape).isLessThan(ROUND_NANOS);
    }

    private void checkLaw() {
      SegmentRing.Counts counts = ring.counts();
      assertThat(counts.taken() + counts.dropped() + counts.depth())
          .as(shape)
          .isEqualTo(counts.offered());
      assertThat(counts.taken()).as(shape).isEqualTo(taken.count);
      assertThat(counts.depth()).as(shape).isBetween(0, capacity);
    }

    private void checkEnd() {
      checkLaw();
      SegmentRing.Counts counts = ring.counts();
      assertThat(counts.offered()).as(shape).isEqualTo(offered());
      assertThat(counts.depth()).as(shape).isZero();
      assertThat(taken.torn).as("torn, " + shape).isZero();
      assertThat(taken.outOfOrder).as("out of order or twice, " + shape).isZero();
      assertThat(producers).as(shape).noneMatch(producer -> producer.wasRefused);
      if (isTold) {
        assertThat(tornDrops.sum()).as("torn drops, " + shape).isZero();
        assertThat(toldDrops.sum() + ring.dropFaults()).as(shape).isEqualTo(counts.dropped());
        if (ring.dropFaults() == 0) {
          long all = producers.stream().mapToLong(Producer::checksum).sum();
          assertThat(taken.checksum + toldChecksums.sum())
              .as("each event once, " + shape)
              .isEqualTo(all);
        }
      }
    }

    /** Of each thread its last ones; and over all threads none before one that was dropped. */
    private void checkNewestSurvived() {
      assertThat(taken.count).as(shape).isEqualTo(Math.min(capacity, offered()));
      long newestDropped = Long.MIN_VALUE;
      long oldestKept = Long.MAX_VALUE;
      for (Producer producer : producers) {
        long last = taken.last[producer.number];
        long firstKept = last == 0 ? producer.events + 1 : taken.first[producer.number];
        assertThat(last).as("the last survives, " + shape).isIn(0L, (long) producer.events);
        if (firstKept > 1) {
          newestDropped = Math.max(newestDropped, producer.begins[(int) firstKept - 1]);
        }
        if (last != 0) {
          oldestKept = Math.min(oldestKept, producer.ends[(int) firstKept]);
        }
      }
      assertThat(taken.gaps).as("gaps, " + shape).isZero();
      // Over many stripes age is told by a time that is read before the put, and a thread may be
      // preempted between the two.
      if (isOneStripe) {
        assertThat(newestDropped)
            .as("put after a survivor, and yet dropped, " + shape)
            .isLessThan(oldestKept);
      }
    }

    private void countDropped(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
      toldDrops.increment();
      toldChecksums.add(longs[l + 2]);
      if (isTorn(longs, l, refs[r])) {
        tornDrops.increment();
      }
    }

    private boolean isTorn(long[] longs, int l, @Nullable Object ref) {
      return longs[l + 2] != mix(longs[l], longs[l + 1]) || ref != producers.get((int) longs[l]);
    }

    /** What the consumer got; its own. */
    private final class Tally implements SlotReader {
      private long[] first = {};
      private long[] last = {};
      private long count;
      private long checksum;
      private long torn;
      private long outOfOrder;
      private long gaps;

      @Override
      public void read(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
        count++;
        if (isTorn(longs, l, refs[r])) {
          torn++;
          return;
        }
        int thread = (int) longs[l];
        long number = longs[l + 1];
        checksum += longs[l + 2];
        if (last[thread] == 0) {
          first[thread] = number;
        } else if (number != last[thread] + 1) {
          gaps++;
        }
        if (number <= last[thread]) {
          outOfOrder++;
        }
        last[thread] = number;
      }
    }
  }

  /** A thread that numbers its events from 1. */
  private static final class Producer {
    private final SegmentRing ring;
    private final int number;
    private final int events;
    private final SplittableRandom random;
    private final @Nullable AtomicLong tickets;
    private final long[] begins;
    private final long[] ends;
    private long current;
    private boolean wasRefused;

    Producer(SegmentRing ring, int number, int events, long seed, @Nullable AtomicLong tickets) {
      this.ring = ring;
      this.number = number;
      this.events = events;
      this.random = new SplittableRandom(seed);
      this.tickets = tickets;
      begins = new long[tickets == null ? 0 : events + 1];
      ends = new long[begins.length];
    }

    void run(CountDownLatch running) {
      SlotEncoder<Producer> encoder = Producer::encode;
      SlotEncoder<Producer> slow = Producer::encodeSlowly;
      for (current = 1; current <= events; current++) {
        // About one in 50,000 is preempted in mid-put for longer than a slice of time.
        boolean isSlow = random.nextInt(50_000) == 0;
        if (tickets != null) {
          begins[(int) current] = tickets.getAndIncrement();
        }
        wasRefused |= !ring.put(isSlow ? slow : encoder, this, System.nanoTime());
        if (tickets != null) {
          ends[(int) current] = tickets.getAndIncrement();
        }
      }
      running.countDown();
    }

    long checksum() {
      long sum = 0;
      for (long i = 1; i <= events; i++) {
        sum += mix(number, i);
      }
      return sum;
    }

    private void encode(long[] longs, int l, @Nullable Object[] refs, int r) {
      longs[l] = number;
      longs[l + 1] = current;
      longs[l + 2] = mix(number, current);
      refs[r] = this;
    }

    private void encodeSlowly(long[] longs, int l, @Nullable Object[] refs, int r) {
      longs[l] = number;
      LockSupport.parkNanos(5_000_000);
      encode(longs, l, refs, r);
    }
  }

  /** Differs in all bits for neighbours, so that sums over different events do not agree. */
  private static long mix(long thread, long number) {
    long hash = (thread << 40 ^ number) * 0x9E3779B97F4A7C15L;
    return (hash ^ hash >>> 32) * 0xD6E8FEB86659FD93L;
  }
}
