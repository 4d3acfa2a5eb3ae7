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

  /** Checks one configuration; throws with the offending order if there is one. */
  static void check(Class<?> configuration, Class<?> queue, int iterations, int invocations) {
    new ModelCheckingOptions()
        .iterations(iterations)
        .invocationsPerIteration(invocations)
        .threads(3)
        .actorsPerThread(2)
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

  /**
   * Checks one configuration in a process of its own.
   *
   * @param args capacity and segment size, then iterations and invocations of each
   */
  public static void main(String[] args) throws ReflectiveOperationException {
    String suffix = args[0] + "Of" + args[1];
    Class<?> configuration = Class.forName(RingModel.class.getName() + "$Ring" + suffix);
    Class<?> queue = Class.forName(RingModel.class.getName() + "$Queue" + args[0]);
    check(configuration, queue, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
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
