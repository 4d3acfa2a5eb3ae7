// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.NoopCollector;
import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.collect.SlotReader;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import org.jctools.queues.MpmcArrayQueue;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One event handed to another thread, beside the clock readings that no measurement goes below.
 *
 * <p>Drained, a consumer takes what there is every 0.3 ms; stalled, it takes nothing, and every
 * event beyond the capacity of 2048 drops the oldest. All carry the same eight values.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class HandOffBenchmark {
  private static final int CAPACITY = 2048;

  private record Event(
      long nanos,
      long duration,
      long traceHigh,
      long traceLow,
      long span,
      long connection,
      long bytes,
      long status) {}

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

  private static final Long SOURCE = 42L;

  /** Takes from a hand-over in the background, or leaves it alone. */
  @State(Scope.Benchmark)
  public abstract static class Consumed {
    /** Whether a consumer takes events. */
    @Param({"drained", "stalled"})
    public String consumer = "drained";

    private volatile boolean isRunning;
    private Thread thread = new Thread(() -> {});

    final void start(IntSupplier drain) {
      isRunning = consumer.equals("drained");
      thread =
          new Thread(
              () -> {
                while (isRunning) {
                  if (drain.getAsInt() < CAPACITY / 4) {
                    LockSupport.parkNanos(300_000);
                  }
                }
              },
              "consumer");
      thread.setDaemon(true);
      thread.start();
    }

    /** Ends the consumer. */
    @TearDown(Level.Trial)
    public void stop() throws InterruptedException {
      isRunning = false;
      thread.join();
    }
  }

  /** The ring of the pipeline. */
  @State(Scope.Benchmark)
  public static class Ring extends Consumed {
    private long sum;
    private final SlotReader reader = (time, longs, l, refs, r) -> sum += longs[l];
    private final SegmentRing ring = new SegmentRing(CAPACITY, 7, 0);

    /** Starts the consumer. */
    @Setup(Level.Trial)
    public void setUp() {
      start(() -> ring.drain(CAPACITY, System.nanoTime(), reader));
    }
  }

  /** The same ring with one stripe, as collectors of objects use it. */
  @State(Scope.Benchmark)
  public static class SingleStripeRing extends Consumed {
    private long sum;
    private final SlotReader reader = (time, longs, l, refs, r) -> sum += longs[l];
    private final SegmentRing ring = new SegmentRing(CAPACITY, 7, 0, 1, 256);

    /** Starts the consumer. */
    @Setup(Level.Trial)
    public void setUp() {
      start(() -> ring.drain(CAPACITY, System.nanoTime(), reader));
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
  }

  /** The plain way: a queue under a lock that drops the oldest. */
  @State(Scope.Benchmark)
  public static class LockedDeque extends Consumed {
    private final ArrayDeque<Event> queue = new ArrayDeque<>(CAPACITY);

    /** Starts the consumer. */
    @Setup(Level.Trial)
    public void setUp() {
      start(this::drain);
    }

    private void put(Event event) {
      synchronized (queue) {
        if (queue.size() == CAPACITY) {
          queue.poll();
        }
        queue.add(event);
      }
    }

    private int drain() {
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

  /** A lock-free queue of which the producer polls the oldest when it is full. */
  @State(Scope.Benchmark)
  public static class MpmcQueue extends Consumed {
    private final MpmcArrayQueue<Event> queue = new MpmcArrayQueue<>(CAPACITY);

    /** Starts the consumer. */
    @Setup(Level.Trial)
    public void setUp() {
      start(() -> queue.drain(event -> {}, CAPACITY));
    }
  }

  /** A collector as adapters see it. */
  @State(Scope.Benchmark)
  public static class Noop {
    private final NoopCollector collector = NoopCollector.INSTANCE;
  }

  /** What measuring a duration costs with nothing around it. */
  @Benchmark
  public long floorTwoNanoTimes() {
    long start = System.nanoTime();
    return System.nanoTime() - start;
  }

  /** Nothing is wanted, so nothing is built. */
  @Benchmark
  public boolean noopCollector(Noop noop) {
    return noop.collector.isEnabled();
  }

  /** Seven values and a time. */
  @Benchmark
  public boolean ringPut(Ring state) {
    return state.ring.put(ENCODER, SOURCE, 1);
  }

  /** The same between the two clock readings of a measured operation. */
  @Benchmark
  public boolean ringPutWithTwoNanoTimes(Ring state) {
    long start = System.nanoTime();
    return state.ring.put(ENCODER, SOURCE, System.nanoTime() - start);
  }

  /** All threads in one stripe. */
  @Benchmark
  public boolean singleStripePut(SingleStripeRing state) {
    return state.ring.put(ENCODER, SOURCE, 1);
  }

  /** A reference, handed to a sink in batches. */
  @Benchmark
  public void asyncCollectorEnqueue(Collector state) {
    state.collector.enqueue(SOURCE);
  }

  /** Peer. */
  @Benchmark
  public void peerLockedDeque(LockedDeque state) {
    state.put(event());
  }

  /** Peer. */
  @Benchmark
  public void peerMpmcPollThenOffer(MpmcQueue state) {
    Event event = event();
    while (!state.queue.offer(event)) {
      state.queue.poll();
    }
  }

  private static Event event() {
    long value = SOURCE;
    return new Event(value, value, value, value, value, value, value, value);
  }
}
