// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.Sink;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.json.JsonBuffer;
import dev.sonde.sink.JsonlSink;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The writer's side of a sink: an event turned into a line, and events through to a sink.
 *
 * <p>Through to a sink, ns/op is the time on the wall for an event; {@code cpuNanosPerEvent} is
 * what the background thread takes of a core for it, and the reciprocal of that is the events per
 * second and core. The producer waits while the queue is full, so nothing is dropped.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class WriterBenchmark {
  private static final int KINDS = 8;
  private static final int EVENTS = 409_600;
  private static final int QUEUE_SIZE = 2048;
  private static final int BURST = 256;

  /** Kind {@code number % 8}, with ids, times and texts as a server has them. */
  static Event event(int number) {
    long id = 100_000L + number;
    long now = 3_600_000_000_000L + number * 54_321L;
    long random = number * 0x9E3779B97F4A7C15L;
    return switch (number % KINDS) {
      case 0 ->
          new ConnectionOpened(
              id, 1, "192.0.2.9", 50_123, "127.0.0.1", 8080, Protocol.H1, now, true);
      case 1 -> new RequestStarted(id, 1, id, 0, "GET", "/users/" + number, "HTTP/1.1", now);
      case 2 ->
          new ResponseCompleted(id, 1, id, 3, 200, 512, 1_234_567, now, 1_000_001, "/users/{id}");
      case 3 -> new ClientDisconnected(id, 1, id, 3, true, 100, now);
      case 4 ->
          new ConnectionClosed(
              id, 1, 2, 612, 9_000_001, CloseReason.TIMEOUT, "keep_alive_timeout", now);
      case 5 ->
          new RequestEvent(
              now,
              random,
              ~random,
              random + 1,
              random + 2,
              id,
              id,
              "POST",
              "/users/{id}/orders",
              "/users/" + number + "/orders",
              200,
              Outcome.COMPLETED,
              1_500_123,
              10,
              20_480,
              null,
              4.0);
      case 6 ->
          new FunctionEvent(
              now, random, ~random, random + 1, random + 2, "price", 90_000, false, null, 1.0);
      default ->
          new DatabaseEvent(
              now,
              random,
              ~random,
              random + 1,
              random + 2,
              "postgresql",
              "shop",
              "SELECT",
              "users",
              "SELECT id, name FROM users WHERE id = ?",
              -77 * random,
              1,
              80_000,
              false,
              null,
              1,
              4.0);
    };
  }

  /** One event and where its line goes. */
  @State(Scope.Thread)
  public static class Encoding {
    /** What is encoded; {@code failed} is a request with a stack. */
    @Param({
      "opened",
      "started",
      "completed",
      "disconnected",
      "closed",
      "REQ",
      "FN",
      "DB",
      "failed"
    })
    public String kind = "REQ";

    private final JsonBuffer lines = new JsonBuffer(1 << 16);
    private final EventJsonWriter writer =
        new EventJsonWriter(ClockAnchor.take(MonotonicClock.system()), lines);
    private Event event = event(0);
    private long sequence = 1_000_000;

    /** Makes the event. */
    @Setup
    public void setUp() {
      int number =
          List.of("opened", "started", "completed", "disconnected", "closed", "REQ", "FN", "DB")
              .indexOf(kind);
      event = number < 0 ? failed() : event(4000 + number);
    }

    private static Event failed() {
      StringBuilder stack = new StringBuilder("java.lang.IllegalStateException: no");
      for (int i = 0; i < 30; i++) {
        stack
            .append("\n\tat com.example.shop.Orders$Line.price(Orders.java:")
            .append(i)
            .append(')');
      }
      return new RequestEvent(
          4_000_000_000_000L,
          1L << 60,
          3L << 60,
          5L << 60,
          0,
          77_777,
          88_888,
          "POST",
          "/orders",
          "/orders",
          500,
          Outcome.APP_ERROR,
          1_500_000,
          10,
          20,
          new ErrorInfo("java.lang.IllegalStateException", "no", stack.toString()),
          1.0);
    }
  }

  /** A statement by a library's generator that stays open over all lines. */
  @State(Scope.Thread)
  public static class Library {
    private static final SerializableString[] NAMES =
        Stream.of(
                "v",
                "type",
                "ts_ns",
                "mono_ns",
                "seq",
                "trace_id",
                "span_id",
                "parent_span_id",
                "db_vendor",
                "db_name",
                "operation",
                "target",
                "query",
                "query_hash",
                "rows",
                "dur_ns",
                "error",
                "error_code",
                "batch_size",
                "weight")
            .map(SerializedString::new)
            .toArray(SerializableString[]::new);

    private final DatabaseEvent event = (DatabaseEvent) event(4007);
    private final ClockAnchor anchor = ClockAnchor.take(MonotonicClock.system());
    private final char[] digits = new char[32];
    private final ByteArrayOutputStream lines = new ByteArrayOutputStream(1 << 16);
    private final JsonGenerator json = open(lines);
    private long sequence = 1_000_000;
    private int field;

    private static JsonGenerator open(OutputStream to) {
      try {
        return new JsonFactoryBuilder().rootValueSeparator("\n").build().createGenerator(to);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    int write() throws IOException {
      lines.reset();
      field = 0;
      json.writeStartObject();
      number(1);
      text("DB");
      number(anchor.toEpochNanos(event.timestampNanos()));
      number(event.timestampNanos());
      number(sequence++);
      hex(event.traceIdHigh(), 0);
      hex(event.traceIdLow(), 16);
      name();
      json.writeString(digits, 0, 32);
      id(event.spanId());
      id(event.parentSpanId());
      text(event.vendor());
      text(event.database());
      text(event.operation());
      text(event.target());
      text(event.query());
      id(event.queryHash());
      number(event.rows());
      number(event.durationNanos());
      name();
      json.writeBoolean(event.isError());
      text(event.errorCode());
      number(event.batchSize());
      name();
      json.writeNumber("4.0");
      json.writeEndObject();
      json.flush();
      return lines.size();
    }

    private void name() throws IOException {
      json.writeFieldName(NAMES[field++]);
    }

    private void number(long value) throws IOException {
      name();
      json.writeNumber(value);
    }

    private void text(@Nullable String value) throws IOException {
      name();
      json.writeString(value);
    }

    private void id(long id) throws IOException {
      hex(id, 0);
      name();
      json.writeString(digits, 0, 16);
    }

    private void hex(long value, int offset) {
      for (int i = 0; i < 16; i++) {
        digits[offset + i] = Character.forDigit((int) (value >>> (60 - 4 * i)) & 0xF, 16);
      }
    }
  }

  /** All kinds in turn, as an archive meets them. */
  @State(Scope.Thread)
  public static class Mix {
    private final JsonBuffer lines = new JsonBuffer(1 << 16);
    private final EventJsonWriter writer =
        new EventJsonWriter(ClockAnchor.take(MonotonicClock.system()), lines);
    private final Event[] events =
        IntStream.range(4000, 4000 + KINDS * 32)
            .mapToObj(WriterBenchmark::event)
            .toArray(Event[]::new);
    private long sequence = 1_000_000;
  }

  /** A collector, the sink behind it, and a producer that does not overrun them. */
  @State(Scope.Benchmark)
  public abstract static class Flow {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    // More than wait at a time, so that the writer finds none of them in its cache.
    private final Event[] events =
        IntStream.range(4000, 4000 + 4 * QUEUE_SIZE)
            .mapToObj(WriterBenchmark::event)
            .toArray(Event[]::new);
    private Counting sink = new Counting(batch -> {});
    private @Nullable AsyncCollector<Event> collector;
    private long enqueued;

    final void start(Sink<Event> behind) {
      sink = new Counting(behind);
      collector = AsyncCollector.<Event>builder(sink).queueSize(QUEUE_SIZE).start();
    }

    final void run(WriterCpu cpu) {
      AsyncCollector<Event> to = Objects.requireNonNull(collector);
      long cpuBefore = cpuNanos();
      int mask = events.length - 1;
      for (int i = 0; i < EVENTS; i++) {
        if (i % BURST == 0) {
          awaitTaken(enqueued + BURST - QUEUE_SIZE);
        }
        to.enqueue(events[i & mask]);
        enqueued++;
      }
      // Less than a batch may stay; it waits for more.
      awaitTaken(enqueued - BURST);
      cpu.add(cpuNanos() - cpuBefore);
    }

    private void awaitTaken(long count) {
      while (sink.taken < count) {
        Thread.onSpinWait();
      }
    }

    private long cpuNanos() {
      Thread thread = sink.thread;
      return thread == null ? 0 : THREADS.getThreadCpuTime(thread.getId());
    }

    /** Ends the thread, and refuses figures for events that did not arrive. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      AsyncCollector<Event> ended = Objects.requireNonNull(collector);
      ended.close();
      AsyncCollector.Counts counts = ended.counts();
      if (counts.enqueued() != enqueued || counts.processed() != enqueued) {
        throw new IllegalStateException("not all of " + enqueued + " arrived: " + counts);
      }
    }
  }

  /** Before a sink that does nothing. */
  public static class ToNothing extends Flow {
    /** Starts the collector. */
    @Setup(Level.Trial)
    public void start() {
      start(batch -> {});
    }
  }

  /** Before an archive. */
  public static class ToArchive extends Flow {
    private Path directory = Path.of("");

    /** Starts the collector. */
    @Setup(Level.Trial)
    public void start() throws IOException {
      directory = Files.createTempDirectory("sonde-writer");
      start(JsonlSink.builder(directory).filesMax(4).build());
    }

    @Override
    public void close() throws IOException {
      super.close();
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private static final class Counting implements Sink<Event> {
    private final Sink<Event> inner;
    private volatile long taken;
    private volatile @Nullable Thread thread;

    Counting(Sink<Event> inner) {
      this.inner = inner;
    }

    @Override
    @SuppressWarnings("NonAtomicOperationOnVolatileField") // one writer
    public void accept(List<Event> batch) throws Exception {
      thread = Thread.currentThread();
      inner.accept(batch);
      taken += batch.size();
    }

    @Override
    public void close() throws Exception {
      inner.close();
    }
  }

  /** What the background thread took of a core: JMH adds both up over all iterations. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.EVENTS)
  public static class WriterCpu {
    /** CPU time of the background thread. */
    public long cpuNanos;

    /** Events that it took to the sink. */
    public long events;

    private void add(long nanos) {
      cpuNanos += nanos;
      events += EVENTS;
    }
  }

  /** One line of one kind. */
  @Benchmark
  public int encode(Encoding state) {
    state.lines.clear();
    state.writer.write(state.event, state.sequence++);
    return state.lines.size();
  }

  /** One line of any kind. */
  @Benchmark
  @OperationsPerInvocation(KINDS * 32)
  public int encodeMix(Mix state) {
    state.lines.clear();
    for (Event event : state.events) {
      state.writer.write(event, state.sequence++);
    }
    return state.lines.size();
  }

  /** Peer; it neither cuts texts nor escapes what steers a terminal, and its weight is a text. */
  @Benchmark
  public int peerJacksonStatement(Library state) throws IOException {
    return state.write();
  }

  /** One event through a collector. */
  @Benchmark
  @OperationsPerInvocation(EVENTS)
  public void collectorToNothing(ToNothing flow, WriterCpu cpu) {
    flow.run(cpu);
  }

  /** One event through a collector into a file. */
  @Benchmark
  @OperationsPerInvocation(EVENTS)
  public void collectorToArchive(ToArchive flow, WriterCpu cpu) {
    flow.run(cpu);
  }
}
