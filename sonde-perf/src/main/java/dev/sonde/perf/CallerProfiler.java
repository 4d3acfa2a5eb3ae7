// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongUnaryOperator;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Processor time and bytes that the threads of a benchmark spend per operation: {@code -prof
 * dev.sonde.perf.CallerProfiler}.
 *
 * <p>What other threads do for them, such as a digest or an exporter, is not in it; nor is the time
 * in which they wait for a processor. {@code -prof gc} counts the bytes of the whole process.
 */
public final class CallerProfiler implements InternalProfiler {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Part of the name that JMH gives its threads. */
  private static final String WORKER = "-jmh-worker-";

  private static final LongAdder PAUSED_NANOS = new LongAdder();

  private long nanosBefore;
  private long bytesBefore;

  /** Created by JMH, by name. */
  public CallerProfiler() {}

  /** Parks the calling thread for about {@code nanos} without counting what that costs. */
  static void pause(long nanos) {
    long before = THREADS.getCurrentThreadCpuTime();
    LockSupport.parkNanos(nanos);
    PAUSED_NANOS.add(THREADS.getCurrentThreadCpuTime() - before);
  }

  @Override
  public String getDescription() {
    return "Processor time and allocation of the benchmark's own threads";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    PAUSED_NANOS.reset();
    bytesBefore = sumOverWorkers(THREADS::getThreadAllocatedBytes);
    nanosBefore = sumOverWorkers(THREADS::getThreadCpuTime);
  }

  @Override
  public List<ScalarResult> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    long nanos = sumOverWorkers(THREADS::getThreadCpuTime) - nanosBefore - PAUSED_NANOS.sum();
    long bytes = sumOverWorkers(THREADS::getThreadAllocatedBytes) - bytesBefore;
    double operations = result.getMetadata().getAllOps();
    return List.of(
        new ScalarResult("caller.cpu", nanos / operations, "ns/op", AggregationPolicy.AVG),
        new ScalarResult("caller.alloc", bytes / operations, "B/op", AggregationPolicy.AVG));
  }

  private static long sumOverWorkers(LongUnaryOperator measure) {
    long sum = 0;
    for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
      if (thread != null && thread.getThreadName().contains(WORKER)) {
        sum += Math.max(0, measure.applyAsLong(thread.getThreadId()));
      }
    }
    return sum;
  }
}
