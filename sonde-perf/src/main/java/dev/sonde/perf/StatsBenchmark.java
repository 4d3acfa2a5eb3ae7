// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.event.Outcome;
import dev.sonde.stats.GroupHandle;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.stats.StatsStore;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** What counting one request costs its thread, and what reading a window costs. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class StatsBenchmark {
  private static final long SECOND = 1_000_000_000L;
  private static final int DURATIONS = 1 << 12;

  /** Events of a thread until it moves the store's clock, which all share, by a second. */
  private static final int EVENTS_PER_SECOND = 100_000;

  /** Log-normal durations around 3 ms, the same in each run. */
  private static long[] durations() {
    SplittableRandom random = new SplittableRandom(1);
    long[] durations = new long[DURATIONS];
    for (int i = 0; i < durations.length; i++) {
      double normal = -6;
      for (int j = 0; j < 12; j++) {
        normal += random.nextDouble();
      }
      durations[i] = (long) (3e6 * Math.exp(0.8 * normal));
    }
    return durations;
  }

  private static String[] names(int count) {
    String[] names = new String[count];
    for (int i = 0; i < count; i++) {
      names[i] = "/route/" + i;
    }
    return names;
  }

  private static GroupHandle[] routes(StatsStore store, String[] names) {
    GroupHandle[] routes = new GroupHandle[names.length];
    for (int i = 0; i < names.length; i++) {
      routes[i] = store.route("GET", names[i]);
    }
    return routes;
  }

  /**
   * A store that all threads record in.
   *
   * <p>In an application this is done by the digest thread, which rolls the window every second as
   * well; a second thread comes to it when the queue overflows, and drops records that count.
   */
  @State(Scope.Benchmark)
  public static class Shared {
    /** Routes in turn. */
    @Param({"1", "1000"})
    public int routes;

    private final AtomicLong clock = new AtomicLong();
    private final StatsStore store = new StatsStore(StatsConfig.defaults(), clock::get);
    private final long[] durations = durations();
    private String[] names = {};
    private GroupHandle[] handles = {};

    /** Makes the routes, and lets a busy one find out that it is. */
    @Setup
    public void prepare() {
      names = names(routes);
      handles = routes(store, names);
      for (int second = 0; second < 3; second++) {
        for (int i = 0; i < 20_000; i++) {
          record(handles[i % handles.length], i);
        }
        clock.addAndGet(SECOND);
        store.roll();
      }
    }

    private void record(int i) {
      if (i % EVENTS_PER_SECOND == 0) {
        clock.addAndGet(SECOND);
        store.roll();
      }
      record(handles[i % handles.length], i);
    }

    private void lookUpAndRecord(int i) {
      record(store.route("GET", names[i % names.length]), i);
    }

    private void record(GroupHandle route, int i) {
      store.recordRequest(
          route,
          200,
          Outcome.COMPLETED,
          false,
          durations[i & (DURATIONS - 1)],
          0,
          512,
          clock.getPlain());
    }
  }

  /** Where a thread is in its requests. */
  @State(Scope.Thread)
  public static class Position {
    private int next;
  }

  /** A store with 1,000 routes that are busy at two requests a second each. */
  @State(Scope.Benchmark)
  public static class Full {
    private final AtomicLong clock = new AtomicLong();
    private final StatsStore store = new StatsStore(StatsConfig.defaults(), clock::get);
    private final long[] durations = durations();
    private GroupHandle[] routes = {};
    private int next;

    /** Fills the window. */
    @Setup
    public void fill() {
      routes = routes(store, names(1_000));
      for (int second = 0; second < 905; second++) {
        passASecond();
      }
    }

    /** Every route has changed since the last snapshot. */
    @Setup(Level.Invocation)
    public void passASecond() {
      for (GroupHandle route : routes) {
        for (int i = 0; i < 2; i++) {
          long nanos = durations[next++ & (DURATIONS - 1)];
          long now = clock.get();
          store.recordRequest(route, 200, Outcome.COMPLETED, false, nanos, 0, 512, now);
        }
      }
      clock.addAndGet(SECOND);
      store.roll();
    }
  }

  /** The store of a service with 1,000 busy routes, and the part of the window that is read. */
  @State(Scope.Benchmark)
  public static class Window {
    /** Length in minutes. */
    @Param({"1", "5", "15"})
    public int minutes;

    private Duration length = Duration.ZERO;

    /** Makes the length. */
    @Setup
    public void prepare() {
      length = Duration.ofMinutes(minutes);
    }
  }

  /** One thread. */
  @Benchmark
  @Threads(1)
  public void record1Thread(Shared shared, Position position) {
    shared.record(position.next++ & Integer.MAX_VALUE);
  }

  /** Two threads. */
  @Benchmark
  @Threads(2)
  public void record2Threads(Shared shared, Position position) {
    shared.record(position.next++ & Integer.MAX_VALUE);
  }

  /** One thread that knows its routes by name. */
  @Benchmark
  @Threads(1)
  public void lookUpAndRecord1Thread(Shared shared, Position position) {
    shared.lookUpAndRecord(position.next++ & Integer.MAX_VALUE);
  }

  /** Two threads that know their routes by name. */
  @Benchmark
  @Threads(2)
  public void lookUpAndRecord2Threads(Shared shared, Position position) {
    shared.lookUpAndRecord(position.next++ & Integer.MAX_VALUE);
  }

  /** The two readings of the clock that any measurement of a request needs, as the yardstick. */
  @Benchmark
  public long twoClockReadings() {
    long start = System.nanoTime();
    return System.nanoTime() - start;
  }

  /** Everything about 1,000 routes, a second after the last time. */
  @Benchmark
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public StatsSnapshot snapshot(Full full, Window window) {
    return full.store.snapshot(window.length);
  }

  /** What the digest thread does every second besides counting. */
  @Benchmark
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  public void roll(Full full) {
    full.clock.addAndGet(SECOND);
    full.store.roll();
  }
}
