// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotEncoder;
import java.util.ArrayDeque;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jspecify.annotations.Nullable;

/**
 * Checks that a ring of one stripe is a queue that drops its oldest: every order of a few steps of
 * two producers and a consumer must be one that a plain bounded queue could have had.
 */
public final class RingModel {
  private static final SlotEncoder<Integer> ENCODER =
      (value, longs, l, refs, r) -> {
        longs[l] = value;
        longs[l + 1] = ~(long) value;
      };

  private RingModel() {}

  /**
   * Checks one configuration in a process of its own; fails with the offending order if there is
   * one.
   *
   * @param args {@code Ring} or {@code Solo}, capacity, segment size, iterations, invocations of
   *     each
   */
  public static void main(String[] args) throws ReflectiveOperationException {
    String name = RingModel.class.getName() + "$" + args[0] + args[1] + "Of" + args[2];
    Class<?> configuration = Class.forName(name);
    Class<?> queue = Class.forName(RingModel.class.getName() + "$Queue" + args[1]);
    boolean isSolo = args[0].equals("Solo");
    int iterations = Integer.parseInt(args[3]);
    int invocations = Integer.parseInt(args[4]);
    new ModelCheckingOptions()
        .iterations(iterations)
        .invocationsPerIteration(invocations)
        .threads(isSolo ? 2 : 3)
        .actorsPerThread(isSolo ? 3 : 2)
        .actorsBefore(2)
        .actorsAfter(2)
        .sequentialSpecification(queue)
        .check(configuration);
    new StressOptions()
        .iterations(iterations)
        .invocationsPerIteration(invocations)
        .threads(2)
        .actorsPerThread(3)
        .sequentialSpecification(queue)
        .check(configuration);
  }

  /** The ring as the model checker drives it. */
  public abstract static class Ring {
    private final SegmentRing ring;
    private int last;

    Ring(int capacity, int segmentSize) {
      ring = new SegmentRing(capacity, 2, 0, 1, segmentSize);
    }

    /** Puts one event. */
    @Operation
    public void put(int value) {
      ring.put(ENCODER, value, 1);
    }

    /** Takes the oldest, waiting for a writer in mid-put; null if there is none. */
    @Operation(nonParallelGroup = "consumer")
    public @Nullable Integer poll() {
      while (true) {
        int count =
            ring.drain(
                1,
                1,
                (time, longs, l, refs, r) ->
                    last = longs[l] == ~longs[l + 1] ? (int) longs[l] : Integer.MIN_VALUE);
        if (count > 0) {
          return last;
        }
        if (ring.depth() == 0) {
          return null;
        }
      }
    }
  }

  /**
   * The ring with one producer and a consumer that waits only for a put that has claimed a slot:
   * all others it must find at once.
   */
  public abstract static class Solo {
    private final SegmentRing ring;
    private volatile int done;
    private int last;

    Solo(int capacity, int segmentSize) {
      ring = new SegmentRing(capacity, 2, 0, 1, segmentSize);
    }

    /** Puts one event. */
    @Operation(nonParallelGroup = "producer")
    public void put(int value) {
      ring.put(ENCODER, value, 1);
      done = done + 1;
    }

    /** Takes the oldest; null if there is none. */
    @Operation(nonParallelGroup = "consumer")
    public @Nullable Integer poll() {
      while (true) {
        int doneBefore = done;
        int count =
            ring.drain(
                1,
                1,
                (time, longs, l, refs, r) ->
                    last = longs[l] == ~longs[l + 1] ? (int) longs[l] : Integer.MIN_VALUE);
        if (count > 0) {
          return last;
        }
        if (ring.counts().offered() == doneBefore) {
          return null;
        }
      }
    }
  }

  /** One producer, capacity 1, one slot a segment. */
  public static final class Solo1Of1 extends Solo {
    public Solo1Of1() {
      super(1, 1);
    }
  }

  /** One producer, capacity 2, one slot a segment. */
  public static final class Solo2Of1 extends Solo {
    public Solo2Of1() {
      super(2, 1);
    }
  }

  /** Capacity 1, one slot a segment. */
  public static final class Ring1Of1 extends Ring {
    public Ring1Of1() {
      super(1, 1);
    }
  }

  /** Capacity 2, one slot a segment. */
  public static final class Ring2Of1 extends Ring {
    public Ring2Of1() {
      super(2, 1);
    }
  }

  /** Capacity 2, two slots a segment. */
  public static final class Ring2Of2 extends Ring {
    public Ring2Of2() {
      super(2, 2);
    }
  }

  /** Capacity 3, two slots a segment. */
  public static final class Ring3Of2 extends Ring {
    public Ring3Of2() {
      super(3, 2);
    }
  }

  /** One producer, capacity 2, two slots a segment. */
  public static final class Solo2Of2 extends Solo {
    public Solo2Of2() {
      super(2, 2);
    }
  }

  /** What the ring must look like from outside. */
  public abstract static class Queue {
    private final ArrayDeque<Integer> queue = new ArrayDeque<>();
    private final int capacity;

    Queue(int capacity) {
      this.capacity = capacity;
    }

    /** Adds one, dropping the oldest if there is no room. */
    public void put(int value) {
      if (queue.size() == capacity) {
        queue.remove();
      }
      queue.add(value);
    }

    /** Removes the oldest. */
    public @Nullable Integer poll() {
      return queue.poll();
    }
  }

  /** Capacity 1. */
  public static final class Queue1 extends Queue {
    public Queue1() {
      super(1);
    }
  }

  /** Capacity 2. */
  public static final class Queue2 extends Queue {
    public Queue2() {
      super(2);
    }
  }

  /** Capacity 3. */
  public static final class Queue3 extends Queue {
    public Queue3() {
      super(3);
    }
  }
}
