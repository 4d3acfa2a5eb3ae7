// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts lifecycle events, for as long as the demo runs. */
final class LifecycleTally implements LifecycleCollector {
  private final LongAdder opened = new LongAdder();
  private final LongAdder closed = new LongAdder();
  private final LongAdder started = new LongAdder();
  private final LongAdder disconnected = new LongAdder();
  private final LongAdder completedBytes = new LongAdder();
  private final SortedMap<Integer, LongAdder> completed = new ConcurrentSkipListMap<>();

  @Override
  public void record(LifecycleEvent event) {
    if (event instanceof ConnectionOpened) {
      opened.increment();
    } else if (event instanceof RequestStarted) {
      started.increment();
    } else if (event instanceof ResponseCompleted response) {
      completed.computeIfAbsent(response.status(), key -> new LongAdder()).increment();
      completedBytes.add(response.bytesSent());
    } else if (event instanceof ClientDisconnected) {
      disconnected.increment();
    } else if (event instanceof ConnectionClosed) {
      closed.increment();
    }
  }

  /** Requests started and not ended by a response or by the client. */
  long unfinished() {
    return started.sum() - disconnected.sum() - completedCount();
  }

  long opened() {
    return opened.sum();
  }

  long closed() {
    return closed.sum();
  }

  long started() {
    return started.sum();
  }

  long disconnected() {
    return disconnected.sum();
  }

  /** Body bytes of completed responses. */
  long completedBytes() {
    return completedBytes.sum();
  }

  long completedCount() {
    return completed.values().stream().mapToLong(LongAdder::sum).sum();
  }

  /** Completed responses by status. */
  SortedMap<Integer, Long> completed() {
    SortedMap<Integer, Long> byStatus = new TreeMap<>();
    completed.forEach((status, count) -> byStatus.put(status, count.sum()));
    return Collections.unmodifiableSortedMap(byStatus);
  }
}
