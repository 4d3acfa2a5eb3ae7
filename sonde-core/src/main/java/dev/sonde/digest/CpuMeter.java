// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;

/** Measures the processor time of the observer's own threads. */
final class CpuMeter {
  /** Weight of the last second in the running mean, which so spans some ten seconds. */
  private static final double RECENT = 0.1;

  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  private volatile long ownThreadId;
  private volatile double ratio = -1;
  private long lastNanos;
  private long lastCpuNanos;

  void watch(long threadId) {
    ownThreadId = threadId;
  }

  /** Reads the clocks of the threads; once a second, by one thread. */
  void measure(List<SinkFeed> feeds) {
    if (!threads.isThreadCpuTimeSupported() || !threads.isThreadCpuTimeEnabled()) {
      return;
    }
    long cpuNanos = cpuNanos(ownThreadId);
    for (SinkFeed feed : feeds) {
      cpuNanos += cpuNanos(feed.threadId());
    }
    long now = System.nanoTime();
    if (lastNanos != 0 && now > lastNanos) {
      // A thread that ended takes its time along, for which one second counts as idle.
      double last = Math.max(0.0, (double) (cpuNanos - lastCpuNanos) / (now - lastNanos));
      double before = ratio;
      ratio = before < 0 ? last : before + (last - before) * RECENT;
    }
    lastNanos = now;
    lastCpuNanos = cpuNanos;
  }

  private long cpuNanos(long threadId) {
    return threadId == 0 ? 0 : Math.max(0, threads.getThreadCpuTime(threadId));
  }

  /** Processor time per elapsed time, of one processor; -1 if unknown. */
  double ratio() {
    return ratio;
  }
}
