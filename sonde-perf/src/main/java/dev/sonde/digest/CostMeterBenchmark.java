// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.time.MonotonicClock;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs a record that its own cost is measured now and then, in the package of what it
 * measures.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CostMeterBenchmark {
  /** Records of one invocation: any so many in a row hold a fixed share of measured ones. */
  private static final int RECORDS = 1 << 16;

  private final MonotonicClock clock = MonotonicClock.system();
  private final CostMeter cost = new CostMeter(clock);

  /** The question of every record, and the measurement of those that it picks. */
  @Benchmark
  @OperationsPerInvocation(RECORDS)
  public double sampled() {
    for (int record = 0; record < RECORDS; record++) {
      if (CostMeter.measures(record)) {
        measure();
      }
    }
    return cost.meanBytes();
  }

  /** One measurement, of which 1,024 records have one. */
  @Benchmark
  public void measure() {
    long bytes = cost.allocatedBytes();
    long begin = clock.nanoTime();
    cost.addMeasured(begin, bytes);
  }
}
