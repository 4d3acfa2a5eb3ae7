// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.time.ClockAnchor;
import java.util.List;
import java.util.SortedMap;

/**
 * How well the observer does, and what it costs.
 *
 * @param isEnabled whether anything is observed
 * @param instanceId name of this process among others
 * @param anchor both clocks at one recent moment
 * @param uptimeNanos nanoseconds since the start
 * @param counts where every record has gone
 * @param sinks one entry per sink, in the order in which they were added
 * @param hooks places at which the application is observed
 * @param lagNanos how long ago the background thread last looked at the queue
 * @param queueCapacity records that can wait before the oldest is dropped
 * @param memory what queues, statistics, recent requests and errors hold, now and at most; a record
 *     that waits in a queue is counted with texts of usual length, all else with its longest
 * @param nanosPerRecord what one record cost its request thread: median of the last samples, 0
 *     before the first
 * @param bytesPerRecord what one record makes its request thread and the background threads
 *     allocate, the dashboard's left out: means of the last samples and seconds, or -1 before the
 *     first or where the JVM does not tell, as of virtual threads; several Sondes in one process
 *     count the background threads of all
 * @param cpuRatio processor time of the observer's own threads per elapsed time, of one processor,
 *     or -1 where the JVM does not tell; of all Sondes in the process together
 * @param faults unexpected failures inside the observer or its sinks, by kind
 */
public record HealthSnapshot(
    boolean isEnabled,
    String instanceId,
    ClockAnchor anchor,
    long uptimeNanos,
    PipelineCounts counts,
    List<SinkHealth> sinks,
    List<Hook> hooks,
    long lagNanos,
    int queueCapacity,
    List<MemoryPart> memory,
    long nanosPerRecord,
    double bytesPerRecord,
    double cpuRatio,
    SortedMap<String, Long> faults) {
  /** Estimate of all bytes held now. */
  public long heldBytes() {
    return memory.stream().mapToLong(MemoryPart::heldBytes).sum();
  }

  /** Estimate of all bytes that can be held at most. */
  public long memoryBoundBytes() {
    return memory.stream().mapToLong(MemoryPart::boundBytes).sum();
  }

  /** Whether every record, and every event of each sink, is accounted for. */
  public boolean isConserved() {
    return counts.isConserved() && sinks.stream().allMatch(SinkHealth::isConserved);
  }
}
