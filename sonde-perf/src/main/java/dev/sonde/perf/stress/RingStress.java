// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.stress;

import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.collect.SlotReader;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Races of two threads on the ring, with an arbiter that takes what is left. */
public final class RingStress {
  /** A torn slot reads as this. */
  static final int TORN = -1;

  private static final SlotEncoder<Integer> ENCODER =
      (value, longs, l, refs, r) -> {
        longs[l] = value;
        longs[l + 1] = ~(long) value;
      };

  private RingStress() {}

  /** Adds up what it reads; every event is whole or torn. */
  private static final class Sum implements SlotReader {
    private int sum;

    @Override
    public void read(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
      sum = longs[l] == ~longs[l + 1] ? sum + (int) longs[l] : TORN;
    }
  }

  private static int drain(SegmentRing ring) {
    Sum sum = new Sum();
    while (ring.drain(8, 1, sum) > 0 && sum.sum != TORN) {}
    return sum.sum;
  }

  /** Two producers fight for the only slot; one event survives, whole, and one is counted. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the second was first")
  @Outcome(id = "2, 1", expect = Expect.ACCEPTABLE, desc = "the first was first")
  @State
  public static class TwoProducersOverwrite {
    private final SegmentRing ring = new SegmentRing(1, 2, 0, 1, 1);

    /** Puts 1. */
    @Actor
    public void first() {
      ring.put(ENCODER, 1, 1);
    }

    /** Puts 2. */
    @Actor
    public void second() {
      ring.put(ENCODER, 2, 1);
    }

    /** Takes the survivor. */
    @Arbiter
    public void arbiter(II_Result result) {
      result.r1 = drain(ring);
      result.r2 = (int) ring.counts().dropped();
    }
  }

  /** A consumer drains while a producer puts; each event comes out once, whole, or is counted. */
  @JCStressTest
  @Outcome(id = "3, 0, 0", expect = Expect.ACCEPTABLE, desc = "drained at once")
  @Outcome(id = "1, 2, 0", expect = Expect.ACCEPTABLE, desc = "drained between the puts")
  @Outcome(id = "0, 3, 0", expect = Expect.ACCEPTABLE, desc = "drained before")
  @State
  public static class ProducerVsDrain {
    private final SegmentRing ring = new SegmentRing(2, 2, 0, 1, 1);

    /** Puts 1, then 2. */
    @Actor
    public void producer() {
      ring.put(ENCODER, 1, 1);
      ring.put(ENCODER, 2, 1);
    }

    /** Drains what there is. */
    @Actor
    public void consumer(III_Result result) {
      result.r1 = drain(ring);
    }

    /** Drains the rest. */
    @Arbiter
    public void arbiter(III_Result result) {
      result.r2 = drain(ring);
      result.r3 = (int) ring.counts().dropped();
    }
  }

  /** A consumer drains while a producer overfills: the newest survives, the law holds. */
  @JCStressTest
  @Outcome(
      id = "0, 0, 0",
      expect = Expect.ACCEPTABLE,
      desc = "nothing torn, newest kept, all accounted for")
  @State
  public static class OverwriteVsDrain {
    private final SegmentRing ring = new SegmentRing(1, 2, 0, 1, 1);
    private final Sum taken = new Sum();

    /** Puts 1, 2 and 4. */
    @Actor
    public void producer() {
      ring.put(ENCODER, 1, 1);
      ring.put(ENCODER, 2, 1);
      ring.put(ENCODER, 4, 1);
    }

    /** Drains what there is. */
    @Actor
    public void consumer() {
      ring.drain(8, 1, taken);
    }

    /** Looks for anything wrong. */
    @Arbiter
    public void arbiter(III_Result result) {
      while (ring.drain(8, 1, taken) > 0) {}
      SegmentRing.Counts counts = ring.counts();
      result.r1 = taken.sum == TORN ? 1 : 0;
      result.r2 = (taken.sum & 4) == 4 ? 0 : 1;
      result.r3 = (int) (counts.offered() - counts.taken() - counts.dropped());
    }
  }

  /** Below capacity nothing is lost. */
  @JCStressTest
  @Outcome(id = "3, 0", expect = Expect.ACCEPTABLE, desc = "both kept")
  @State
  public static class NoLossBelowCapacity {
    private final SegmentRing ring = new SegmentRing(2, 2, 0, 1, 1);

    /** Puts 1. */
    @Actor
    public void first() {
      ring.put(ENCODER, 1, 1);
    }

    /** Puts 2. */
    @Actor
    public void second() {
      ring.put(ENCODER, 2, 1);
    }

    /** Takes both. */
    @Arbiter
    public void arbiter(II_Result result) {
      result.r1 = drain(ring);
      result.r2 = (int) ring.counts().dropped();
    }
  }

  /** A put that is sealed out says so, and one that says yes comes out. */
  @JCStressTest
  @Outcome(id = "1, 1, 0", expect = Expect.ACCEPTABLE, desc = "put first")
  @Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "sealed first")
  @State
  public static class PutVsSeal {
    private final SegmentRing ring = new SegmentRing(2, 2, 0, 1, 1);

    /** Puts 1. */
    @Actor
    public void producer(III_Result result) {
      result.r1 = ring.put(ENCODER, 1, 1) ? 1 : 0;
    }

    /** Seals. */
    @Actor
    public void sealer() {
      ring.seal();
    }

    /** Takes what was put. */
    @Arbiter
    public void arbiter(III_Result result) {
      result.r2 = drain(ring);
      result.r3 = (int) ring.counts().refused();
    }
  }
}
