// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import com.sun.management.ThreadMXBean;
import dev.sonde.collect.SondeThread;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Measures what the observer's own threads take: processor time and memory. */
final class ThreadMeter {
  /** Weight of the last second in the running means, which so span some ten seconds. */
  private static final double RECENT = 0.1;

  private static final int UNKNOWN = -1;

  private final java.lang.management.ThreadMXBean threads = ManagementFactory.getThreadMXBean();

  /** The same, where it tells of allocation. */
  private final @Nullable ThreadMXBean allocation = allocationOf(threads);

  private volatile double cpuRatio = UNKNOWN;
  private volatile double bytesPerRecord = UNKNOWN;

  // The measuring thread's own.
  private Map<Long, Use> uses = Map.of();
  private long lastNanos;
  private long lastRecords;
  private double bytesMean;
  private double recordsMean;

  /** What a thread has taken since its start. */
  private record Use(long cpuNanos, long bytes) {}

  /** The bean that tells of allocation, or null where the JVM does not. */
  static @Nullable ThreadMXBean allocationOf(java.lang.management.ThreadMXBean threads) {
    return threads instanceof ThreadMXBean known
            && known.isThreadAllocatedMemorySupported()
            && known.isThreadAllocatedMemoryEnabled()
        ? known
        : null;
  }

  /**
   * Reads the clocks of the threads; once a second, by one thread.
   *
   * @param records records that have been digested so far
   */
  void measure(long nowNanos, long records) {
    Thread[] group = new Thread[SondeThread.group().activeCount() + 16];
    int count = SondeThread.group().enumerate(group);
    boolean hasTime = threads.isThreadCpuTimeSupported() && threads.isThreadCpuTimeEnabled();
    Map<Long, Use> now = new HashMap<>();
    long cpuNanos = 0;
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      long id = group[i].getId();
      Use use = new Use(hasTime ? threads.getThreadCpuTime(id) : 0, bytesOf(id));
      Use before = uses.getOrDefault(id, new Use(0, 0));
      now.put(id, use);
      // A thread that ends meanwhile is told as -1.
      cpuNanos += Math.max(0, use.cpuNanos - before.cpuNanos);
      if (group[i] instanceof SondeThread) {
        // The dashboard's threads work for its readers, whether or not anything happens.
        bytes += Math.max(0, use.bytes - before.bytes);
      }
    }
    long elapsedNanos = nowNanos - lastNanos;
    if (lastNanos != 0 && elapsedNanos > 0) {
      if (hasTime) {
        double last = (double) cpuNanos / elapsedNanos;
        cpuRatio = cpuRatio < 0 ? last : cpuRatio + (last - cpuRatio) * RECENT;
      }
      if (allocation != null && records > lastRecords) {
        bytesMean += (bytes - bytesMean) * RECENT;
        recordsMean += (records - lastRecords - recordsMean) * RECENT;
        bytesPerRecord = bytesMean / recordsMean;
      }
    }
    uses = now;
    lastNanos = nowNanos;
    lastRecords = records;
  }

  private long bytesOf(long threadId) {
    return allocation == null ? 0 : allocation.getThreadAllocatedBytes(threadId);
  }

  /** Processor time of all of its threads per elapsed time, of one processor; -1 if unknown. */
  double cpuRatio() {
    return cpuRatio;
  }

  /**
   * Bytes that the background threads allocate for each record digested, in seconds in which there
   * are any; -1 if unknown.
   */
  double bytesPerRecord() {
    return bytesPerRecord;
  }
}
