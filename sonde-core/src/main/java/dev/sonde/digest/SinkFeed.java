// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.Sink;
import dev.sonde.event.Event;
import java.time.Duration;
import java.util.function.UnaryOperator;

/** One sink with its own collector. */
final class SinkFeed {
  private final AsyncCollector<Event> collector;
  private volatile long publishedBefore;

  SinkFeed(Sink<? super Event> sink, UnaryOperator<AsyncCollector.Builder<Event>> settings) {
    // Closed by the pipeline, after the last event was handed over.
    collector = settings.apply(AsyncCollector.<Event>builder(sink).closeAtExit(false)).start();
  }

  /** Notes how many events were published before it was there. */
  void startsAfter(long published) {
    publishedBefore = published;
  }

  void offer(Event event) {
    collector.enqueue(event);
  }

  void close(Duration timeout) {
    collector.close(timeout);
  }

  /** Called about every second. */
  void watch() {
    collector.warnIfStalled();
  }

  SinkHealth health() {
    AsyncCollector.Counts counts = collector.counts();
    return new SinkHealth(
        collector.name(),
        counts.sinkState().name(),
        publishedBefore,
        counts.enqueued(),
        counts.processed(),
        counts.droppedOldest(),
        counts.droppedSinkFailed(),
        counts.droppedPoison(),
        counts.droppedClosed(),
        counts.queueDepth(),
        counts.flushErrors());
  }
}
