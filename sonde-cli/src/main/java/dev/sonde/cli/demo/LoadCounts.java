// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** What the clients did and saw: the count that Sonde's own is held against. */
final class LoadCounts {
  private final LongAdder hungUp = new LongAdder();
  private final LongAdder bodyBytes = new LongAdder();
  private final LongAdder connections = new LongAdder();
  private final LongAdder failures = new LongAdder();
  private final SortedMap<Integer, LongAdder> responses = new ConcurrentSkipListMap<>();

  /** A connection was made. */
  void connected() {
    connections.increment();
  }

  /** A response was read to its end. */
  void answered(int status, long bytes) {
    responses.computeIfAbsent(status, key -> new LongAdder()).increment();
    bodyBytes.add(bytes);
  }

  /** The client left in the middle of a response. */
  void hungUp() {
    hungUp.increment();
  }

  /** Something happened that the load does not plan. */
  void failed() {
    failures.increment();
  }

  /** The counts now; exact once the load has stopped. */
  Snapshot snapshot() {
    SortedMap<Integer, Long> byStatus = new TreeMap<>();
    long answered = 0;
    for (var entry : responses.entrySet()) {
      long count = entry.getValue().sum();
      byStatus.put(entry.getKey(), count);
      answered += count;
    }
    return new Snapshot(
        answered + hungUp.sum(),
        Collections.unmodifiableSortedMap(byStatus),
        hungUp.sum(),
        bodyBytes.sum(),
        connections.sum(),
        failures.sum());
  }

  /**
   * One reading.
   *
   * @param requests requests that were answered or left by the client
   * @param responses answered requests by status
   * @param hungUp requests that the client left
   * @param bodyBytes body bytes of the answered requests
   * @param connections connections made by clients that count them
   * @param failures requests and connections that ended in a way that the load did not plan
   */
  record Snapshot(
      long requests,
      SortedMap<Integer, Long> responses,
      long hungUp,
      long bodyBytes,
      long connections,
      long failures) {}
}
