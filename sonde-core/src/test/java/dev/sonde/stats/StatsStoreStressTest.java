// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.stats.GroupHandle.Budget;
import dev.sonde.stats.GroupHandle.Registry;
import dev.sonde.stats.GroupHandle.Timeline;
import dev.sonde.testing.ManualClock;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class StatsStoreStressTest {
  private static final int THREADS = 8;
  private static final int ROUTES = 5;
  private static final long MILLI = 1_000_000;
  private static final long MIB = 1 << 20;

  private final ManualClock clock = new ManualClock();

  @Test
  void record_losesNothingAndCountsNothingTwiceUnderAnyInterleaving()
      throws ExecutionException, InterruptedException {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    int perThread = 100_000;
    AtomicLong begun = new AtomicLong();
    AtomicLong done = new AtomicLong();
    AtomicBoolean isOver = new AtomicBoolean();
    List<Future<long[]>> sums;
    try (Pool pool = new Pool(THREADS + 1)) {
      Future<?> reader =
          pool.submit(
              () -> {
                int steps = 0;
                while (!isOver.get()) {
                  long atLeast = done.get();
                  StatsSnapshot snapshot = store.snapshot();
                  long atMost = begun.get();
                  assertThat(snapshot.total().count()).isBetween(atLeast, atMost);
                  assertThat(sum(snapshot.routes())).isEqualTo(snapshot.total().count());
                  if (++steps < 700) {
                    clock.advance(Duration.ofSeconds(1));
                  }
                }
                return steps;
              });
      sums = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int seed = t;
        sums.add(pool.submit(() -> recordMany(store, seed, perThread, begun, done)));
      }
      for (Future<long[]> sum : sums) {
        sum.get();
      }
      isOver.set(true);
      reader.get();
    }

    StatsSnapshot atRest = store.snapshot();
    GroupSnapshot total = atRest.total();
    long[] expected = new long[4 + ROUTES];
    for (Future<long[]> sum : sums) {
      for (int i = 0; i < expected.length; i++) {
        expected[i] += sum.get()[i];
      }
    }
    assertThat(total.count()).isEqualTo((long) THREADS * perThread);
    assertThat(total.bytesOut()).isEqualTo(expected[0]);
    assertThat(total.bytesIn()).isEqualTo(expected[1]);
    assertThat(total.errors()).isEqualTo(expected[2]);
    assertThat(total.statusCodes()).containsEntry(404, expected[3]);
    assertThat(store.sketch(total).count()).isEqualTo(total.count());
    assertThat(atRest.routes()).hasSize(ROUTES);
    for (GroupSnapshot route : atRest.routes()) {
      int i = Integer.parseInt(route.name().substring("/r".length()));
      assertThat(route.count()).as(route.name()).isEqualTo(expected[4 + i]);
      assertThat(store.sketch(route).count()).isEqualTo(route.count());
    }
    StatsSnapshot again = store.snapshot();
    assertThat(again.total().count()).isEqualTo(total.count());
    assertThat(again.total().latency()).isEqualTo(total.latency());
  }

  @Test
  void record_losesNothingWhileRoutesAreForgottenAndComeBack()
      throws ExecutionException, InterruptedException {
    StatsConfig config = StatsConfig.builder().window(Duration.ofMinutes(1)).maxRoutes(3).build();
    StatsStore store = new StatsStore(config, clock);
    int perThread = 50_000;
    AtomicBoolean isOver = new AtomicBoolean();
    try (Pool pool = new Pool(THREADS + 1)) {
      Future<?> forgetter =
          pool.submit(
              () -> {
                while (!isOver.get()) {
                  clock.advance(Duration.ofSeconds(70));
                  store.roll();
                }
                return null;
              });
      List<Future<?>> recorders = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int seed = t;
        recorders.add(
            pool.submit(
                () -> {
                  recordMany(store, seed, perThread, new AtomicLong(), new AtomicLong());
                  return null;
                }));
      }
      for (Future<?> recorder : recorders) {
        recorder.get();
      }
      isOver.set(true);
      forgetter.get();
    }

    store.roll();
    assertThat(store.harvestedRequests()).isEqualTo((long) THREADS * perThread);
  }

  @Test
  void snapshot_hasEveryEventOfRoutesThatAreForgottenInTheMomentTheyComeBack()
      throws ExecutionException, InterruptedException {
    StatsConfig config = StatsConfig.builder().window(Duration.ofMinutes(1)).maxRoutes(3).build();
    StatsStore store = new StatsStore(config, clock);
    List<GroupHandle> kept = new ArrayList<>();
    for (int r = 0; r < ROUTES; r++) {
      kept.add(store.route("GET", "/r" + r));
    }
    int perThread = 40;
    Callable<Long> recorder =
        () -> {
          long now = clock.nanoTime();
          for (int i = 0; i < perThread; i++) {
            int r = i % ROUTES;
            GroupHandle route = i % 2 == 0 ? kept.get(r) : store.route("GET", "/r" + r);
            store.recordRequest(route, 404, Outcome.COMPLETED, false, MILLI, 0, 7, now);
          }
          return now;
        };
    Callable<Long> forgetter =
        () -> {
          store.roll();
          store.roll();
          return clock.nanoTime();
        };
    List<Callable<Long>> all = new ArrayList<>(Collections.nCopies(THREADS, recorder));
    all.add(THREADS / 2, forgetter);
    try (Pool pool = new Pool(THREADS + 1)) {
      for (int round = 0; round < 1_000; round++) {
        // All routes have been idle for more than a window, and what came before is in none.
        clock.advance(Duration.ofSeconds(130));

        for (Future<Long> part : pool.all(all)) {
          part.get();
        }

        GroupSnapshot total = store.snapshot().total();
        assertThat(total.count()).as("round %s", round).isEqualTo((long) THREADS * perThread);
        assertThat(total.bytesOut()).as("round %s", round).isEqualTo(7 * total.count());
        assertThat(total.statusCodes()).containsExactly(Map.entry(404, total.count()));
      }
    }
  }

  @Test
  void open_isNeverNegativeUnderLoadAndExactAtRest()
      throws ExecutionException, InterruptedException {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    AtomicLong begun = new AtomicLong();
    AtomicLong done = new AtomicLong();
    AtomicBoolean isOver = new AtomicBoolean();
    try (Pool pool = new Pool(THREADS + 1)) {
      Future<?> reader =
          pool.submit(
              () -> {
                while (!isOver.get()) {
                  long atLeast = done.get();
                  long open = store.snapshot().connections().open();
                  assertThat(open).isBetween(0L, begun.get() - atLeast);
                }
                return null;
              });
      List<Future<?>> openers = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        openers.add(
            pool.submit(
                () -> {
                  for (int i = 0; i < 50_000; i++) {
                    begun.incrementAndGet();
                    store.connectionOpened(clock.nanoTime());
                    store.connectionClosed(CloseReason.COMPLETE, null, 1, 1, 1, clock.nanoTime());
                    done.incrementAndGet();
                  }
                  begun.incrementAndGet();
                  store.connectionOpened(clock.nanoTime());
                  return null;
                }));
      }
      for (Future<?> opener : openers) {
        opener.get();
      }
      isOver.set(true);
      reader.get();
    }

    assertThat(store.snapshot().connections().open()).isEqualTo(THREADS);
  }

  @Test
  void record_givesAHotRouteCellsOfItsOwnPerThreadAndStaysExact()
      throws ExecutionException, InterruptedException {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    GroupHandle hot = store.route("GET", "/hot");
    int perThread = 200_000;
    for (int round = 0; round < 3; round++) {
      try (Pool pool = new Pool(THREADS)) {
        List<Future<?>> recorders = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
          recorders.add(
              pool.submit(
                  () -> {
                    for (int i = 0; i < perThread; i++) {
                      long now = clock.nanoTime();
                      store.recordRequest(hot, 200, Outcome.COMPLETED, false, MILLI, 0, 7, now);
                    }
                    return null;
                  }));
        }
        for (Future<?> recorder : recorders) {
          recorder.get();
        }
      }
      clock.advance(Duration.ofSeconds(1));
    }

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.count()).isEqualTo(3L * THREADS * perThread);
    assertThat(total.bytesOut()).isEqualTo(7 * total.count());
    assertThat(total.spark()).endsWith(THREADS * perThread, THREADS * perThread);
  }

  @Test
  void record_allocatesNothing() {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int i = 0; i < 20_000; i++) {
      recordAllKinds(store, i);
    }
    threads.getCurrentThreadAllocatedBytes();
    long before = threads.getCurrentThreadAllocatedBytes();

    for (int i = 0; i < 100_000; i++) {
      recordAllKinds(store, i);
    }

    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(allocated).as("bytes for 300,000 events").isLessThan(3_000);
    assertThat(store.snapshot().total().count()).isEqualTo(120_000);
  }

  @Test
  void memory_isAtMostSixteenMegabytesAtAThousandBusyRoutes() {
    long before = usedHeap();
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    SplittableRandom random = new SplittableRandom(1);
    List<GroupHandle> routes = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      routes.add(store.route("GET", "/some/route/number/" + i));
    }
    for (int second = 0; second < 930; second++) {
      for (int i = 0; i < 1_000; i++) {
        for (int n = 0; n < 4; n++) {
          record(store, routes.get(i), random);
        }
      }
      clock.advance(Duration.ofSeconds(1));
      store.roll();
    }

    long held = usedHeap() - before;

    StatsSnapshot snapshot = store.snapshot();
    assertThat(snapshot.routes()).hasSize(1_000);
    assertThat(snapshot.overflowCount()).isZero();
    assertThat(snapshot.total().count()).isBetween(4_000L * 900, 4_000L * 930);
    assertThat(snapshot.memoryBoundBytes()).isEqualTo(16 * MIB);
    assertThat(snapshot.memoryBytes()).isLessThan(16 * MIB);
    assertThat(held).isLessThan(16 * MIB);
    assertThat(held).as("stated").isLessThan(snapshot.memoryBytes() + MIB);
  }

  @Test
  void memory_isAtMostSixteenMegabytesAtAllBusyRoutesFunctionsAndStatementsTogether() {
    long before = usedHeap();
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    SplittableRandom random = new SplittableRandom(1);
    long most = 0;
    for (int second = 0; second < 930; second++) {
      for (int i = 0; i < 1_000; i++) {
        for (int n = 0; n < 2; n++) {
          long now = clock.nanoTime();
          record(store, store.route("GET", "/some/route/number/" + i), random);
          GroupHandle statement = store.statement("h2", "SELECT a, b, c FROM t WHERE id = ? " + i);
          store.recordStatement(statement, false, 1, durationNanos(random), now);
          GroupHandle function = store.function("function" + i / 2);
          store.recordFunction(function, false, durationNanos(random), now);
        }
      }
      store.connectionOpened(clock.nanoTime());
      store.connectionClosed(CloseReason.COMPLETE, null, 1, 1, MILLI, clock.nanoTime());
      clock.advance(Duration.ofSeconds(1));
      store.roll();
      most = Math.max(most, store.memoryBytes());
    }

    long held = usedHeap() - before;

    StatsSnapshot snapshot = store.snapshot();
    assertThat(most).isLessThanOrEqualTo(16 * MIB);
    assertThat(held).isLessThan(16 * MIB);
    assertThat(held).as("stated").isLessThan(snapshot.memoryBytes() + MIB);
    assertThat(snapshot.routes()).as("none is counted as other").hasSize(1_000);
    assertThat(snapshot.functions()).as("none is counted as other").hasSize(500);
    assertThat(snapshot.statements()).as("none is counted as other").hasSize(1_000);
    long covered = snapshot.total().count() / 2_000;
    assertThat(covered).as("seconds, in coarser steps").isBetween(900L, 930L);
  }

  @Test
  void memory_ofAnIdleRouteIsLessThanOneKilobyte() {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    long before = usedHeap();
    long statedBefore = store.memoryBytes();
    for (int i = 0; i < 1_000; i++) {
      store.route("GET", "/some/route/number/" + i);
    }

    long held = usedHeap() - before;

    assertThat(held / 1_000).isLessThanOrEqualTo(1_024);
    assertThat((store.memoryBytes() - statedBefore) / 1_000).isLessThanOrEqualTo(1_024);
  }

  @Test
  void memory_isBoundedForAMillionDistinctRoutesFunctionsAndStatements() {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    long before = usedHeap();
    int distinct = 1_000_000;
    for (int i = 0; i < distinct; i++) {
      long now = clock.nanoTime();
      GroupHandle route = store.route("M" + i, "/r" + i);
      store.recordRequest(route, i, Outcome.COMPLETED, false, MILLI, 0, 1, now);
      store.recordFunction(store.function("f" + i), false, MILLI, now);
      store.recordStatement(store.statement("h2", "s" + i), false, 1, MILLI, now);
    }

    long held = usedHeap() - before;

    StatsSnapshot snapshot = store.snapshot();
    assertThat(held).isLessThan(8 * MIB);
    assertThat(snapshot.total().count()).isEqualTo(distinct);
    assertThat(sum(snapshot.functions())).isEqualTo(distinct);
    assertThat(sum(snapshot.statements())).isEqualTo(distinct);
    assertThat(snapshot.routes()).hasSize(1_001);
    assertThat(store.memoryBytes()).isLessThan(store.memoryBoundBytes());
  }

  @Test
  void memory_staysWithinItsBoundWhenEveryRouteUsesEveryBucket() {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    SplittableRandom random = new SplittableRandom(2);
    long events = 0;
    long most = 0;
    for (int second = 0; second < 300; second++) {
      for (int i = 0; i < 1_000; i++) {
        for (int n = 0; n < 8; n++) {
          GroupHandle route = store.route("GET", "/r" + i);
          long nanos = 1L << random.nextInt(4, 43);
          long now = clock.nanoTime();
          store.recordFunction(store.function("f" + i % 500), true, nanos, now);
          store.recordStatement(store.statement("h2", "s" + i), false, 1, nanos, now);
          store.recordRequest(
              route,
              200 + random.nextInt(100),
              Outcome.COMPLETED,
              false,
              nanos + random.nextLong(nanos),
              1,
              1,
              now);
          events++;
        }
        if (i % 100 == 0) {
          most = Math.max(most, store.memoryBytes());
        }
      }
      clock.advance(Duration.ofSeconds(1));
    }

    StatsSnapshot snapshot = store.snapshot();

    assertThat(snapshot.total().count()).isEqualTo(events);
    assertThat(snapshot.total().bytesOut()).isEqualTo(events);
    assertThat(sum(snapshot.functions())).isEqualTo(events);
    assertThat(sum(snapshot.statements())).isEqualTo(events);
    assertThat(most).isLessThanOrEqualTo(snapshot.memoryBoundBytes());
    assertThat(snapshot.overflowCount()).isPositive();
  }

  @Test
  void memory_ofWhatFindsNoRoomStaysBoundedWhileTheClockStandsStill() {
    Budget full = new Budget(0);
    Timeline timeline = new Timeline(clock, clock.nanoTime(), 10, 90);
    Group other = new Registry(1, timeline, full, null).other().attached();
    int events = 2_000_000;

    for (int i = 0; i < events; i++) {
      other.record(0, MILLI + i, Group.STATUS_NONE, Group.OUTCOME_NONE, false, 0, 0);
    }

    assertThat(full.isFull()).isTrue();
    assertThat(full.heldBytes()).isLessThan(MIB / 16);
    assertThat(other.recorded()).isEqualTo(events);
  }

  @Test
  void durations_areNeverNegativeWhateverTheClockDoes() {
    StatsStore store = new StatsStore(StatsConfig.defaults(), clock);
    SplittableRandom random = new SplittableRandom(8);
    GroupHandle route = store.route("GET", "/a");
    for (int i = 0; i < 10_000; i++) {
      clock.advance(Duration.ofMillis(random.nextInt(50)));
      long step = random.nextLong(-Duration.ofDays(1).toNanos(), Duration.ofDays(1).toNanos());
      long ts = clock.nanoTime() + (random.nextInt(3) == 0 ? step : 0);
      store.recordRequest(route, 200, Outcome.COMPLETED, false, step, 0, 0, ts);
    }

    GroupSnapshot total = store.snapshot().total();

    GroupSnapshot.Latency latency = total.latency();
    assertThat(latency).isNotNull();
    if (latency != null) {
      assertThat(latency.p50Nanos()).isNotNegative();
      assertThat(latency.meanNanos()).isNotNegative();
    }
    assertThat(total.count()).isEqualTo(10_000);
    assertThat(store.snapshot().uptimeNanos()).isNotNegative();
  }

  private static void recordAllKinds(StatsStore store, int i) {
    GroupHandle route = store.route("GET", (i & 1) == 0 ? "/a" : "/b");
    int status = (i & 3) == 0 ? 404 : 200;
    long nanos = 1_000_000L + i;
    store.recordRequest(route, status, Outcome.COMPLETED, false, nanos, i & 7, i, 5);
    store.recordFunction(store.function("f"), (i & 15) == 0, nanos, 5);
    store.recordStatement(store.statement("h2", "SELECT ?"), false, 1, nanos, 5);
  }

  private long[] recordMany(
      StatsStore store, int seed, int events, AtomicLong begun, AtomicLong done) {
    SplittableRandom random = new SplittableRandom(seed);
    long[] sums = new long[4 + ROUTES];
    for (int i = 0; i < events; i++) {
      int r = random.nextInt(ROUTES);
      GroupHandle route = store.route("GET", "/r" + r);
      int status = random.nextInt(4) == 0 ? 404 : 200;
      boolean isError = random.nextInt(50) == 0;
      long out = random.nextLong(1L << random.nextInt(1, 24));
      long in = random.nextInt(3);
      long nanos = random.nextLong(1_000, 1_000 * MILLI);
      begun.incrementAndGet();
      long now = clock.nanoTime();
      store.recordRequest(route, status, Outcome.COMPLETED, isError, nanos, in, out, now);
      done.incrementAndGet();
      sums[0] += out;
      sums[1] += in;
      sums[2] += isError ? 1 : 0;
      sums[3] += status == 404 ? 1 : 0;
      sums[4 + r]++;
    }
    return sums;
  }

  private void record(StatsStore store, GroupHandle route, SplittableRandom random) {
    long now = clock.nanoTime();
    long nanos = durationNanos(random);
    store.recordRequest(route, 200, Outcome.COMPLETED, false, nanos, 0, 500, now);
  }

  private static long durationNanos(SplittableRandom random) {
    double spread = random.nextDouble() + random.nextDouble() + random.nextDouble() - 1.5;
    return (long) (5 * MILLI * Math.exp(2 * spread));
  }

  private static long sum(List<GroupSnapshot> groups) {
    return groups.stream().mapToLong(GroupSnapshot::count).sum();
  }

  private static long usedHeap() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
  }

  /** Threads that end with the test. */
  private static final class Pool implements AutoCloseable {
    private final ExecutorService executor;

    Pool(int threads) {
      executor = Executors.newFixedThreadPool(threads);
    }

    <T> Future<T> submit(Callable<T> task) {
      return executor.submit(task);
    }

    <T> List<Future<T>> all(List<Callable<T>> tasks) throws InterruptedException {
      return executor.invokeAll(tasks);
    }

    @Override
    public void close() {
      executor.shutdownNow();
    }
  }
}
