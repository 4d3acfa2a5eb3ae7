// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.Sink;
import dev.sonde.event.Event;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;

/** One sink with its own collector. */
final class SinkFeed {
  private final AsyncCollector<Event> collector;
  private final WatchedSink sink;
  private volatile long publishedBefore;

  SinkFeed(Sink<? super Event> sink, UnaryOperator<AsyncCollector.Builder<Event>> settings) {
    this.sink = new WatchedSink(sink);
    // Closed by the pipeline, after the last event was handed over.
    collector = settings.apply(AsyncCollector.<Event>builder(this.sink).closeAtExit(false)).start();
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

  /** Id of the thread that last called the sink, or 0 before the first call. */
  long threadId() {
    return sink.threadId;
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

  /** Notes which thread works for a sink, so that its processor time can be told. */
  private static final class WatchedSink implements Sink<Event> {
    private final Sink<? super Event> sink;
    private volatile long threadId;

    WatchedSink(Sink<? super Event> sink) {
      this.sink = sink;
    }

    @Override
    @SuppressWarnings("unchecked") // a sink of a wider type reads the batch, and cannot write to it
    public void accept(List<Event> batch) throws Exception {
      threadId = Thread.currentThread().getId();
      ((Sink<Event>) sink).accept(batch);
    }

    @Override
    public void close() throws Exception {
      sink.close();
    }
  }
}
