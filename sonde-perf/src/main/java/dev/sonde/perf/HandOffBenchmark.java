// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.perf.HandOffStates.Clock;
import dev.sonde.perf.HandOffStates.Collector;
import dev.sonde.perf.HandOffStates.Disruptor;
import dev.sonde.perf.HandOffStates.LockedDeque;
import dev.sonde.perf.HandOffStates.MpmcQueue;
import dev.sonde.perf.HandOffStates.MpscQueue;
import dev.sonde.perf.HandOffStates.Ring;
import dev.sonde.perf.HandOffStates.SingleStripeRing;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One event handed to another thread: what it costs its producer, and how long the slowest takes.
 *
 * <p>All carry the same eight values and hold 2048 events. Drained, a consumer takes what there is
 * every 0.3 ms; stalled, it takes nothing.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class HandOffBenchmark {
  /** A producer that has other work to do between two events: 2 to 6 microseconds. */
  @State(Scope.Thread)
  public static class Pace {
    private final SplittableRandom random = new SplittableRandom(1);

    /** Does it. */
    @Setup(Level.Invocation)
    public void work() {
      long end = System.nanoTime() + random.nextInt(2_000, 6_000);
      while (System.nanoTime() - end < 0) {
        Thread.onSpinWait();
      }
    }
  }

  /** The pipeline's; drops the oldest. */
  @Benchmark
  public void ring(Ring target) {
    target.put();
  }

  /** The same with one stripe, as collectors of objects use it; drops the oldest. */
  @Benchmark
  public void ringOfOneStripe(SingleStripeRing target) {
    target.put();
  }

  /** A collector of objects before a sink that does nothing; drops the oldest. */
  @Benchmark
  public void asyncCollector(Collector target) {
    target.put();
  }

  /** Peer, the plain way: a lock; drops the oldest. */
  @Benchmark
  public void lockedDeque(LockedDeque target) {
    target.put();
  }

  /** Peer: the producer polls when the queue is full; drops the oldest. */
  @Benchmark
  public void mpmcPollThenOffer(MpmcQueue target) {
    target.put();
  }

  /** Peer, for reference: drops the newest. */
  @Benchmark
  public void mpscDropNewest(MpscQueue target) {
    target.put();
  }

  /** Peer, for reference: drops the newest. */
  @Benchmark
  public void disruptorDropNewest(Disruptor target) {
    target.put();
  }

  /** What timing an event costs, which is in all that follow. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfClock(Clock target, Pace pace) {
    target.put();
  }

  /** The pipeline's. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfRing(Ring target, Pace pace) {
    target.put();
  }

  /** Peer. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfLockedDeque(LockedDeque target, Pace pace) {
    target.put();
  }

  /** Peer. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfMpmc(MpmcQueue target, Pace pace) {
    target.put();
  }

  /** Peer. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfMpsc(MpscQueue target, Pace pace) {
    target.put();
  }

  /** Peer. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  public void tailOfDisruptor(Disruptor target, Pace pace) {
    target.put();
  }
}
