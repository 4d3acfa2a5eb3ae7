// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.RingBuffer;
import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.collect.SlotReader;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.locks.LockSupport;
import org.jctools.queues.MpmcArrayQueue;
import org.jctools.queues.MpscArrayQueue;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Ways to hand an event to another thread, as {@link HandOffBenchmark} uses them. */
public final class HandOffStates {
  private static final int CAPACITY = 2048;
  private static final Long SOURCE = 42L;

  private static final SlotEncoder<Long> ENCODER =
      (source, longs, l, refs, r) -> {
        longs[l] = source;
        longs[l + 1] = source;
        longs[l + 2] = source;
        longs[l + 3] = source;
        longs[l + 4] = source;
        longs[l + 5] = source;
        longs[l + 6] = source;
      };

  private HandOffStates() {}

  private record Event(
      long nanos,
      long duration,
      long traceHigh,
      long traceLow,
      long span,
      long connection,
      long bytes,
      long status) {
    static Event next() {
      long value = SOURCE;
      return new Event(value, value, value, value, value, value, value, value);
    }
  }

  /** Has a consumer in the background, or one that takes nothing. */
  @State(Scope.Benchmark)
  public abstract static class Target {
    private static final int WARM_UP = 100_000;

    /** Whether the consumer takes events. */
    @Param({"drained", "stalled"})
    public String consumer = "drained";

    private volatile boolean isRunning;
    private Thread thread = new Thread(() -> {});

    /** Hands over one event. */
    abstract void put();

    /** Takes up to {@link #CAPACITY} events, and tells how many. */
    abstract int drain();

    /** Starts the consumer, and makes the target look like one that has run for a while. */
    @Setup(Level.Trial)
    public void start() {
      isRunning = consumer.equals("drained");
      thread = new Thread(this::consume, "consumer");
      thread.setDaemon(true);
      thread.start();
      for (int i = 0; i < WARM_UP; i++) {
        put();
      }
      OldGeneration.promote();
    }

    /** Ends the consumer. */
    @TearDown(Level.Trial)
    public void stop() throws InterruptedException {
      isRunning = false;
      thread.join();
    }

    private void consume() {
      while (isRunning) {
        if (drain() < CAPACITY / 4) {
          LockSupport.parkNanos(300_000);
        }
      }
    }
  }

  /** Nothing: what timing costs. */
  @State(Scope.Benchmark)
  public static class Clock {
    @SuppressWarnings("MethodCanBeStatic") // stands for those of the others
    void put() {}
  }

  /** The ring of the pipeline. */
  @State(Scope.Benchmark)
  public static class Ring extends Target {
    private long sum;
    private final SegmentRing ring;
    private final SlotReader reader = (time, longs, l, refs, r) -> sum += longs[l];

    /** Makes one as the pipeline has it. */
    public Ring() {
      this(new SegmentRing(CAPACITY, 7, 0));
    }

    private Ring(SegmentRing ring) {
      this.ring = ring;
    }

    @Override
    final void put() {
      boolean ignored = ring.put(ENCODER, SOURCE, 1);
    }

    @Override
    final int drain() {
      return ring.drain(CAPACITY, System.nanoTime(), reader);
    }
  }

  /** The same ring with one stripe, as collectors of objects use it. */
  @State(Scope.Benchmark)
  public static class SingleStripeRing extends Ring {
    /** Makes one as a collector has it. */
    public SingleStripeRing() {
      super(new SegmentRing(CAPACITY, 7, 0, 1, SegmentRing.defaultSegmentSize(CAPACITY)));
    }
  }

  /** A collector of objects before a sink that does nothing. */
  @State(Scope.Benchmark)
  public static class Collector {
    private final AsyncCollector<Long> collector =
        AsyncCollector.<Long>builder(batch -> {}).flushInterval(Duration.ofMillis(1)).start();

    /** Ends its thread. */
    @TearDown(Level.Trial)
    public void close() {
      collector.close();
    }

    void put() {
      collector.enqueue(SOURCE);
    }
  }

  /** The plain way: a queue under a lock that drops the oldest. */
  @State(Scope.Benchmark)
  public static class LockedDeque extends Target {
    private final ArrayDeque<Event> queue = new ArrayDeque<>(CAPACITY);

    @Override
    void put() {
      Event event = Event.next();
      synchronized (queue) {
        if (queue.size() == CAPACITY) {
          queue.poll();
        }
        queue.add(event);
      }
    }

    @Override
    int drain() {
      int count = 0;
      while (count < CAPACITY) {
        synchronized (queue) {
          if (queue.poll() == null) {
            return count;
          }
        }
        count++;
      }
      return count;
    }
  }

  /** A queue without locks, of which the producer polls the oldest when it is full. */
  @State(Scope.Benchmark)
  public static class MpmcQueue extends Target {
    private final MpmcArrayQueue<Event> queue = new MpmcArrayQueue<>(CAPACITY);

    @Override
    void put() {
      Event event = Event.next();
      while (!queue.offer(event)) {
        queue.poll();
      }
    }

    @Override
    int drain() {
      return queue.drain(event -> {}, CAPACITY);
    }
  }

  /** A queue for one consumer, whose producers cannot take anything out again. */
  @State(Scope.Benchmark)
  public static class MpscQueue extends Target {
    private final MpscArrayQueue<Event> queue = new MpscArrayQueue<>(CAPACITY);

    @Override
    void put() {
      boolean ignored = queue.offer(Event.next());
    }

    @Override
    int drain() {
      return queue.drain(event -> {}, CAPACITY);
    }
  }

  /** A ring of events that are written in place. */
  @State(Scope.Benchmark)
  public static class Disruptor extends Target {
    private static final class Slot {
      long nanos;
      long duration;
      long traceHigh;
      long traceLow;
      long span;
      long connection;
      long bytes;
      long status;

      void set(long value) {
        nanos = value;
        duration = value;
        traceHigh = value;
        traceLow = value;
        span = value;
        connection = value;
        bytes = value;
        status = value;
      }
    }

    private final RingBuffer<Slot> ring = RingBuffer.createMultiProducer(Slot::new, CAPACITY);
    private final EventPoller<Slot> poller = ring.newPoller();
    private int taken;
    private long sum;

    /** Has producers wait for the consumer. */
    public Disruptor() {
      ring.addGatingSequences(poller.getSequence());
    }

    @Override
    void put() {
      boolean ignored = ring.tryPublishEvent((slot, sequence, value) -> slot.set(value), SOURCE);
    }

    @Override
    int drain() {
      taken = 0;
      try {
        EventPoller.PollState ignored =
            poller.poll(
                (slot, sequence, endOfBatch) -> {
                  sum += slot.nanos;
                  taken++;
                  return true;
                });
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
      return taken;
    }
  }
}
