// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.Sink;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.Event;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsStore;
import dev.sonde.testing.BlockingSink;
import dev.sonde.testing.FailingSink;
import dev.sonde.testing.RecordingSink;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.TraceContext;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Compares the pipeline's own counts with what the threads that made the records counted. */
final class PipelineLoadTest {
  private static final Duration CLOSE = Duration.ofSeconds(2);

  private final MonotonicClock clock = MonotonicClock.system();
  private final StatsStore stats = new StatsStore(StatsConfig.defaults(), clock);
  private final LongAdder requests = new LongAdder();
  private final LongAdder records = new LongAdder();
  private final LongAdder events = new LongAdder();

  @Test
  void nothingIsLost_belowCapacity() throws InterruptedException {
    Pipeline pipeline = start(65_536, SamplingPolicy.keepAll());
    RecordingSink<Event> sink = new RecordingSink<>();
    pipeline.addSink(sink, settings -> settings.name("all").queueSize(1 << 18));

    inThreads(4, thread -> serve(pipeline, 20, 100));
    pipeline.close(Duration.ofSeconds(60));

    PipelineCounts counts = pipeline.counts();
    Map<String, Long> byType =
        sink.elements().stream().collect(Collectors.groupingBy(Event::type, Collectors.counting()));
    assertThat(requests.sum()).isEqualTo(8_000);
    assertThat(byType)
        .containsEntry("ConnectionOpened", 80L)
        .containsEntry("RequestStarted", 8_000L)
        .containsEntry("ResponseCompleted", 8_000L)
        .containsEntry("REQ", 8_000L)
        .containsEntry("FN", 8_000L)
        .containsEntry("DB", 8_000L)
        .containsEntry("ConnectionClosed", 80L);
    assertThat(counts.droppedOldest()).isZero();
    assertThat(counts.droppedClosed()).isZero();
    assertThat(counts.kept()).isEqualTo(records.sum());
    assertThat(counts.published()).isEqualTo(events.sum());
    assertLaw(pipeline);
    assertOrderOfConnections(sink.elements());
  }

  @Test
  void everyRecordIsAccountedFor_underOverloadWithBadSinks() throws InterruptedException {
    Pipeline pipeline = start(256, SamplingPolicy.builder().rate(0.5).build());
    BlockingSink<Event> hung = new BlockingSink<>();
    FailingSink<Event> failing = new FailingSink<>(Integer.MAX_VALUE);
    Sink<Event> slow = batch -> LockSupport.parkNanos(2_000_000);
    RecordingSink<Event> good = new RecordingSink<>();
    pipeline.addSink(hung, settings -> settings.name("hung"));
    pipeline.addSink(failing, settings -> settings.name("failing"));
    pipeline.addSink(slow, settings -> settings.name("slow"));
    pipeline.addSink(good, settings -> settings.name("good"));

    inThreads(8, thread -> serve(pipeline, 20, 100));
    long begin = System.nanoTime();
    pipeline.close(CLOSE);
    long tookMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    hung.release();

    PipelineCounts counts = pipeline.counts();
    List<SinkHealth> sinks = pipeline.sinks();
    assertThat(counts.droppedOldest()).isPositive();
    assertThat(sinks.get(0).droppedClosed()).isPositive();
    assertThat(sinks.get(1).droppedSinkFailed()).isPositive();
    assertThat(sinks.get(1).processed()).isZero();
    assertThat(sinks.get(3).processed()).isEqualTo(good.elements().size());
    assertThat(tookMillis).isLessThan(CLOSE.toMillis() + 10_000);
    assertLaw(pipeline);
  }

  @Test
  void everyRecordIsAccountedFor_whenClosedUnderLoad() throws InterruptedException {
    for (int round = 0; round < 20; round++) {
      requests.reset();
      records.reset();
      StatsStore fresh = new StatsStore(StatsConfig.defaults(), clock);
      Pipeline pipeline = start(1_024, SamplingPolicy.keepAll(), fresh);
      RecordingSink<Event> sink = new RecordingSink<>();
      pipeline.addSink(sink, settings -> settings.name("all").queueSize(1 << 18));
      AtomicBoolean stop = new AtomicBoolean();
      CountDownLatch warm = new CountDownLatch(4);
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Thread thread =
            new Thread(
                () -> {
                  for (int n = 0; !stop.get(); n++) {
                    pipeline.request("GET", "/r", "/r", 200, Outcome.COMPLETED, n, 0, 0, null);
                    requests.increment();
                    records.increment();
                    if (n == 200) {
                      warm.countDown();
                    }
                  }
                });
        thread.start();
        threads.add(thread);
      }
      warm.await();

      pipeline.close(Duration.ofSeconds(30));
      stop.set(true);
      for (Thread thread : threads) {
        thread.join();
      }

      assertThat(pipeline.counts().offered()).isEqualTo(records.sum());
      assertThat(fresh.snapshot().total().count()).isEqualTo(requests.sum());
      assertThat(pipeline.counts().kept()).isEqualTo(sink.elements().size());
      assertSums(pipeline);
    }
  }

  /** Connections with requests, each with a function and a statement in it. */
  private void serve(Pipeline pipeline, int connections, int requestsEach) {
    ListenerScope listener = new ListenerScope("load", EnumSet.noneOf(Capability.class), pipeline);
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
    for (int c = 0; c < connections; c++) {
      ConnectionState connection =
          listener.opened(0, address, address, Protocol.H1, false, clock.nanoTime());
      for (int i = 0; i < requestsEach; i++) {
        Exchange exchange =
            connection.begin(0, 0, "GET", "/items/" + i, "HTTP/1.1", clock.nanoTime());
        try (TraceContext.Scope scope = TraceContext.use(exchange.span())) {
          pipeline.function("load", 10, null);
          pipeline.database(
              "h2", "db", "SELECT", "t", "SELECT ?", 1, 1, 5, clock.nanoTime(), false, null, 1);
        }
        exchange.route("/items/{id}");
        exchange.committed(200, clock.nanoTime());
        exchange.completed(200, 10, clock.nanoTime());
        requests.increment();
        records.add(3);
        events.add(5);
      }
      connection.closed(Initiator.REMOTE, null, clock.nanoTime());
      records.add(2);
      events.add(2);
    }
    assertThat(listener.faults()).isZero();
  }

  private static void inThreads(int count, IntConsumer work) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    LongAdder failures = new LongAdder();
    for (int i = 0; i < count; i++) {
      int number = i;
      Thread thread = new Thread(() -> work.accept(number));
      thread.setUncaughtExceptionHandler((t, e) -> failures.increment());
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(failures.sum()).isZero();
  }

  private Pipeline start(int queueSize, SamplingPolicy policy) {
    return start(queueSize, policy, stats);
  }

  private Pipeline start(int queueSize, SamplingPolicy policy, StatsStore store) {
    Pipeline.Config config = new Pipeline.Config(queueSize, Duration.ofMinutes(1), false, false);
    return new Pipeline(config, store, new ErrorRing(clock), policy, clock);
  }

  private void assertLaw(Pipeline pipeline) {
    assertThat(pipeline.counts().offered()).isEqualTo(records.sum());
    assertThat(stats.snapshot().total().count()).isEqualTo(requests.sum());
    assertThat(stats.snapshot().connections().open()).isZero();
    assertSums(pipeline);
  }

  private static void assertSums(Pipeline pipeline) {
    PipelineCounts counts = pipeline.counts();
    assertThat(counts.inQueue()).isZero();
    assertThat(counts.failed()).isZero();
    assertThat(counts.offered())
        .isEqualTo(counts.droppedOldest() + counts.droppedClosed() + counts.digested());
    assertThat(counts.digested()).isEqualTo(counts.sampledOut() + counts.kept());
    for (SinkHealth sink : pipeline.sinks()) {
      assertThat(sink.publishedBefore() + sink.enqueued()).isEqualTo(counts.published());
      assertThat(sink.queueDepth()).isZero();
      assertThat(sink.enqueued())
          .isEqualTo(
              sink.processed()
                  + sink.droppedOldest()
                  + sink.droppedSinkFailed()
                  + sink.droppedPoison()
                  + sink.droppedClosed());
    }
    assertThat(pipeline.faults()).isEmpty();
  }

  private static void assertOrderOfConnections(List<Event> all) {
    Map<Long, List<LifecycleEvent>> byConnection = new HashMap<>();
    for (Event event : all) {
      if (event instanceof LifecycleEvent lifecycle) {
        byConnection
            .computeIfAbsent(lifecycle.connectionId(), id -> new ArrayList<>())
            .add(lifecycle);
      }
    }
    for (List<LifecycleEvent> connection : byConnection.values()) {
      assertThat(connection.get(0)).isInstanceOf(ConnectionOpened.class);
      assertThat(connection.get(connection.size() - 1)).isInstanceOf(ConnectionClosed.class);
      assertThat(connection).extracting(LifecycleEvent::timestampNanos).isSorted();
    }
  }
}
