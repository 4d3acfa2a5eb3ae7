// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.testing.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class StatsStoreTest {
  private static final long MILLI = 1_000_000;
  private static final long START = -123_456_789_000L;

  private final ManualClock clock = new ManualClock(START);
  private final StatsStore store = new StatsStore(StatsConfig.defaults(), clock);

  @Test
  void snapshot_isZeroWithoutPercentilesWhenNothingCame() {
    clock.advance(Duration.ofSeconds(30));

    StatsSnapshot snapshot = store.snapshot();

    GroupSnapshot total = snapshot.total();
    assertThat(total.count()).isZero();
    assertThat(total.errors()).isZero();
    assertThat(total.errorRatio()).isZero();
    assertThat(total.requestsPerSecond()).isZero();
    assertThat(total.windowRequestsPerSecond()).isZero();
    assertThat(total.latency()).isNull();
    assertThat(total.spark()).hasSize(60).containsOnly(0);
    assertThat(total.statusCodes()).isEmpty();
    assertThat(total.outcomes()).hasSize(6).containsValue(0L).doesNotContainValue(1L);
    assertThat(snapshot.routes()).isEmpty();
    assertThat(snapshot.connections().reasons()).hasSize(6);
    assertThat(snapshot.connections().requestsPerConnection()).isZero();
    assertThat(snapshot.heatMap().columns()).isZero();
  }

  @Test
  void snapshot_isFiniteInTheVeryFirstSecond() {
    request("/a", 200, 5 * MILLI);

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.count()).isEqualTo(1);
    assertThat(total.requestsPerSecond()).isZero();
    assertThat(total.windowRequestsPerSecond()).isZero();
  }

  @Test
  void requestsPerSecond_dividesByTheTimeSinceTheStartAndLeavesOutTheRunningSecond() {
    for (int second = 0; second < 10; second++) {
      for (int i = 0; i < 7; i++) {
        request("/a", 200, MILLI);
      }
      clock.advance(Duration.ofSeconds(1));
    }
    request("/a", 200, MILLI);

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.count()).isEqualTo(71);
    assertThat(total.requestsPerSecond()).isEqualTo(7.0);
    assertThat(total.windowRequestsPerSecond()).isEqualTo(7.0);
    assertThat(Arrays.copyOfRange(total.spark(), 50, 60)).containsOnly(7);
    assertThat(Arrays.copyOfRange(total.spark(), 0, 50)).containsOnly(0);
  }

  @Test
  void requestsPerSecond_ofOneBurstIsNotInfinite() {
    clock.advance(Duration.ofSeconds(99));
    for (int i = 0; i < 600; i++) {
      request("/a", 200, MILLI);
    }
    clock.advance(Duration.ofSeconds(1));

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.requestsPerSecond()).isEqualTo(10.0);
    assertThat(total.windowRequestsPerSecond()).isEqualTo(6.0);
  }

  @Test
  void requestsPerSecond_looksBackSixtySecondsOnly() {
    request("/a", 200, MILLI);
    clock.advance(Duration.ofSeconds(60));
    assertThat(store.snapshot().total().requestsPerSecond()).isEqualTo(1 / 60.0);

    clock.advance(Duration.ofSeconds(1));

    GroupSnapshot total = store.snapshot().total();
    assertThat(total.requestsPerSecond()).isZero();
    assertThat(total.windowRequestsPerSecond()).isEqualTo(1 / 61.0);
  }

  @Test
  void window_keepsAnEventFifteenMinutesAndForgetsItWithinASlot() {
    request("/a", 200, MILLI);

    clock.advance(Duration.ofSeconds(909));
    assertThat(store.snapshot().total().count()).isEqualTo(1);
    clock.advance(Duration.ofSeconds(1));
    StatsSnapshot snapshot = store.snapshot();

    assertThat(snapshot.total().count()).isZero();
    assertThat(snapshot.total().latency()).isNull();
    assertThat(snapshot.routes()).isEmpty();
  }

  @Test
  void windowRequestsPerSecond_isTheSteadyRateLongAfterTheStart() {
    for (int second = 0; second < 2_345; second++) {
      request("/a", 200, MILLI);
      request("/a", 200, MILLI);
      clock.advance(Duration.ofSeconds(1));
    }

    StatsSnapshot snapshot = store.snapshot();

    assertThat(snapshot.total().windowRequestsPerSecond()).isEqualTo(2.0);
    assertThat(snapshot.total().count()).isEqualTo(2 * 905);
    assertThat(snapshot.coveredNanos()).isEqualTo(Duration.ofSeconds(905).toNanos());
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 300, 900})
  void snapshot_ofAShorterWindowDescribesThatWindow(int windowSeconds) {
    for (int second = 0; second < 1_000; second++) {
      request("/a", 200, second < 1_000 - windowSeconds ? MILLI : 100 * MILLI);
      clock.advance(Duration.ofSeconds(1));
    }

    GroupSnapshot total = store.snapshot(Duration.ofSeconds(windowSeconds)).total();

    assertThat(total.count()).isEqualTo(windowSeconds);
    assertThat(total.windowRequestsPerSecond()).isEqualTo(1.0);
    assertThat(latency(total).p50Nanos()).isCloseTo(100 * MILLI, within(MILLI));
    assertThat(latency(total).maxNanos()).isEqualTo(100 * MILLI);
  }

  @Test
  void snapshot_throwsForAWindowOfNothing() {
    assertThatThrownBy(() -> store.snapshot(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("window must be > 0");
  }

  @Test
  void record_countsStatusOutcomeErrorsAndBytes() {
    GroupHandle a = store.route("GET", "/a");
    long now = clock.nanoTime();
    store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, 0, 100, now);
    store.recordRequest(a, 200, Outcome.CLIENT_ABORT_DURING_BODY, false, MILLI, 0, 50, now);
    store.recordRequest(a, 201, Outcome.COMPLETED, false, MILLI, 30, 0, now);
    store.recordRequest(a, 304, Outcome.COMPLETED, false, MILLI, 0, 0, now);
    store.recordRequest(a, 404, Outcome.COMPLETED, false, MILLI, 0, 9, now);
    store.recordRequest(a, 503, Outcome.COMPLETED, true, MILLI, 0, 9, now);
    store.recordRequest(a, 500, Outcome.APP_ERROR, true, MILLI, 0, 0, now);
    store.recordRequest(a, 0, Outcome.CLIENT_ABORT_BEFORE_HEADERS, false, MILLI, 7, 0, now);

    StatsSnapshot snapshot = store.snapshot();

    for (GroupSnapshot group : List.of(snapshot.total(), snapshot.routes().get(0))) {
      assertThat(group.count()).isEqualTo(8);
      assertThat(group.errors()).isEqualTo(2);
      assertThat(group.errorRatio()).isEqualTo(0.25);
      assertThat(group.errorPct()).isEqualTo(25.0);
      assertThat(group.statusCodes())
          .isEqualTo(Map.of(200, 2L, 201, 1L, 304, 1L, 404, 1L, 500, 1L, 503, 1L));
      assertThat(classes(group)).containsExactly(1, 0, 3, 1, 1, 2);
      assertThat(group.outcome(Outcome.COMPLETED)).isEqualTo(5);
      assertThat(group.outcome(Outcome.APP_ERROR)).isEqualTo(1);
      assertThat(group.outcome(Outcome.CLIENT_ABORT_DURING_BODY)).isEqualTo(1);
      assertThat(group.outcome(Outcome.CLIENT_ABORT_BEFORE_HEADERS)).isEqualTo(1);
      assertThat(group.bytesIn()).isEqualTo(37);
      assertThat(group.bytesOut()).isEqualTo(168);
    }
  }

  @Test
  void record_countsCodesBeyondTheTableInTheirClass() {
    for (int status = 400; status < 450; status++) {
      request("/a", status, MILLI);
      request("/b", status, MILLI);
    }
    request("/a", 200, MILLI);
    request("/a", 999, MILLI);

    StatsSnapshot snapshot = store.snapshot();

    GroupSnapshot a = route(snapshot, "/a");
    assertThat(a.statusClass(4)).isEqualTo(50);
    assertThat(a.statusClass(2)).isEqualTo(1);
    assertThat(a.statusClass(0)).isEqualTo(1);
    assertThat(a.statusCodes()).hasSize(11).containsEntry(200, 1L).containsEntry(409, 1L);
    assertThat(snapshot.total().statusClass(4)).isEqualTo(100);
    assertThat(snapshot.total().statusCodes()).containsEntry(400, 2L);
  }

  @Test
  void record_countsBodiesOfEverySize() {
    GroupHandle a = store.route("GET", "/a");
    long expected = 0;
    for (int bits = 0; bits < 50; bits++) {
      long bytes = (1L << bits) - 1;
      store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, 0, bytes, clock.nanoTime());
      expected += bytes;
    }
    store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, -1, -1, clock.nanoTime());

    assertThat(store.snapshot().total().bytesOut()).isEqualTo(expected);
    assertThat(store.snapshot().total().count()).isEqualTo(51);
  }

  @Test
  void record_takesACellOutBeforeItOverflows() {
    GroupHandle a = store.route("GET", "/a");
    int events = 18_000_000;
    long bytes = Cells.MAX_CELL_BYTES;
    for (int i = 0; i < events; i++) {
      if (i == 2_000) {
        // So busy that it is counted in cells from now on.
        clock.advance(Duration.ofSeconds(1));
      }
      store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, 0, bytes, clock.nanoTime());
    }

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.count()).isEqualTo(events);
    assertThat(total.bytesOut()).isEqualTo(events * bytes);
  }

  @Test
  void latency_isOfAllRoutesTogetherAndMaxIsExact() {
    SplittableRandom random = new SplittableRandom(9);
    long[] values = new long[20_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextLong(50_000, 2_000 * MILLI);
      request("/r" + i % 37, 200, values[i]);
      clock.advance(Duration.ofMillis(10));
    }

    GroupSnapshot.Latency latency = latency(store.snapshot().total());

    Arrays.sort(values);
    double[] quantiles = {0.5, 0.9, 0.95, 0.99, 0.999};
    long[] answers = {
      latency.p50Nanos(),
      latency.p90Nanos(),
      latency.p95Nanos(),
      latency.p99Nanos(),
      latency.p999Nanos()
    };
    for (int i = 0; i < quantiles.length; i++) {
      long exact = values[(int) Math.ceil(quantiles[i] * values.length) - 1];
      assertThat(answers[i] / (double) exact).isCloseTo(1.0, within(0.0055));
    }
    assertThat(latency.maxNanos()).isEqualTo(values[values.length - 1]);
    double mean = Arrays.stream(values).average().orElseThrow();
    assertThat(latency.meanNanos() / mean).isCloseTo(1.0, within(0.0055));
  }

  @Test
  void latency_ofANegativeDurationIsZero() {
    request("/a", 200, -5);

    GroupSnapshot.Latency latency = latency(store.snapshot().total());

    assertThat(latency).isEqualTo(new GroupSnapshot.Latency(0, 0, 0, 0, 0, 0, 0));
  }

  @Test
  void lateEvent_goesToItsOwnSecondAndSlot() {
    clock.advance(Duration.ofSeconds(50));
    request("/a", 200, MILLI);
    long late = clock.nanoTime() - Duration.ofSeconds(35).toNanos();
    store.recordRequest(
        store.route("GET", "/a"), 404, Outcome.COMPLETED, false, 9 * MILLI, 3, 4, late);
    clock.advance(Duration.ofSeconds(9));

    GroupSnapshot before = store.snapshot().total();
    int[] spark = before.spark();
    clock.advance(Duration.ofSeconds(15 + 900 - 59 + 5));
    GroupSnapshot after = store.snapshot().total();

    assertThat(before.count()).isEqualTo(2);
    assertThat(before.statusCodes()).isEqualTo(Map.of(200, 1L, 404, 1L));
    assertThat(spark[60 - 9]).isEqualTo(1);
    assertThat(spark[60 - 9 - 35]).isEqualTo(1);
    assertThat(after.count()).isEqualTo(1);
    assertThat(after.statusCodes()).isEqualTo(Map.of(200, 1L));
    assertThat(after.bytesOut()).isZero();
    assertThat(latency(after).maxNanos()).isEqualTo(MILLI);
  }

  @Test
  void lateEvent_olderThanTheWindowIsInNoWindow() {
    clock.advance(Duration.ofHours(1));
    request("/a", 200, MILLI);
    store.recordRequest(
        store.route("GET", "/a"), 200, Outcome.COMPLETED, false, MILLI, 0, 0, START);

    assertThat(store.snapshot().total().count()).isEqualTo(1);
  }

  @Test
  void futureEvent_countsNowAndSpoilsNothing() {
    long future = clock.nanoTime() + Duration.ofDays(30).toNanos();
    store.recordRequest(
        store.route("GET", "/a"), 200, Outcome.COMPLETED, false, MILLI, 0, 0, future);
    request("/a", 200, MILLI);
    clock.advance(Duration.ofSeconds(2));

    GroupSnapshot total = store.snapshot().total();

    assertThat(total.count()).isEqualTo(2);
    assertThat(total.requestsPerSecond()).isEqualTo(1.0);
  }

  @Test
  void snapshot_agreesWithAnOracleOverRandomHistories() {
    for (int seed = 0; seed < 40; seed++) {
      new Oracle(seed).run(400);
    }
  }

  @Test
  void snapshot_takesInWhatWaits() {
    store.settle(() -> request("/a", 200, MILLI));

    assertThat(store.snapshot().total().count()).isEqualTo(1);
  }

  @Test
  void inFlight_isWhatTheGaugeTells() {
    assertThat(store.snapshot().requestsInFlight()).isZero();

    store.inFlight(() -> 17);
    assertThat(store.snapshot().requestsInFlight()).isEqualTo(17);

    store.inFlight(() -> -1);
    assertThat(store.snapshot().requestsInFlight()).isZero();
  }

  @Test
  void excludedRequest_isCountedAndNowhereElse() {
    store.requestExcluded();
    request("/a", 200, MILLI);

    StatsSnapshot snapshot = store.snapshot();

    assertThat(snapshot.excludedCount()).isEqualTo(1);
    assertThat(snapshot.total().count()).isEqualTo(1);
  }

  @Test
  void connections_countOpenReuseAndReasons() {
    for (int i = 0; i < 5; i++) {
      store.connectionOpened(clock.nanoTime());
    }
    store.connectionRejected(clock.nanoTime());
    long now = clock.nanoTime();
    store.connectionClosed(CloseReason.COMPLETE, null, 10, 1000, MILLI, now);
    store.connectionClosed(CloseReason.TIMEOUT, "keep_alive_timeout", 2, 10, MILLI, now);
    store.connectionClosed(CloseReason.TIMEOUT, "request_headers_timeout", 0, 0, MILLI, now);

    ConnectionsSnapshot connections = store.snapshot().connections();

    assertThat(connections.open()).isEqualTo(2);
    assertThat(connections.opened()).isEqualTo(5);
    assertThat(connections.rejected()).isEqualTo(1);
    assertThat(connections.closed().count()).isEqualTo(3);
    assertThat(connections.closed().bytesOut()).isEqualTo(1010);
    assertThat(connections.requestsServed()).isEqualTo(12);
    assertThat(connections.requestsPerConnection()).isEqualTo(4.0);
    assertThat(connections.neverUsed()).isEqualTo(1);
    assertThat(connections.reasons())
        .containsEntry(CloseReason.COMPLETE, 1L)
        .containsEntry(CloseReason.TIMEOUT, 2L)
        .containsEntry(CloseReason.ERROR, 0L);
    assertThat(connections.details()).hasSize(3);
  }

  @Test
  void connections_keepTheNumberOfOpenOnesAfterTheWindow() {
    store.connectionOpened(clock.nanoTime());
    store.connectionOpened(clock.nanoTime());
    clock.advance(Duration.ofHours(2));
    store.roll();
    store.connectionClosed(CloseReason.COMPLETE, null, 1, 1, MILLI, clock.nanoTime());

    ConnectionsSnapshot connections = store.snapshot().connections();

    assertThat(connections.open()).isEqualTo(1);
    assertThat(connections.opened()).isZero();
  }

  @Test
  void functionsAndStatements_haveTheirOwnGroups() {
    store.recordFunction(store.function("render"), false, MILLI, clock.nanoTime());
    store.recordFunction(store.function("render"), true, 3 * MILLI, clock.nanoTime());
    GroupHandle select = store.statement("h2", "SELECT * FROM t WHERE id = ?");
    store.recordStatement(select, false, 12, MILLI, clock.nanoTime());
    store.recordStatement(select, true, -1, MILLI, clock.nanoTime());

    StatsSnapshot snapshot = store.snapshot();

    assertThat(snapshot.total().count()).isZero();
    GroupSnapshot render = snapshot.functions().get(0);
    assertThat(render.name()).isEqualTo("render");
    assertThat(render.count()).isEqualTo(2);
    assertThat(render.errors()).isEqualTo(1);
    assertThat(render.totalNanos() / (4.0 * MILLI)).isCloseTo(1.0, within(0.0055));
    GroupSnapshot statement = snapshot.statements().get(0);
    assertThat(statement.kind()).isEqualTo("h2");
    assertThat(statement.rows()).isEqualTo(12);
    assertThat(statement.errors()).isEqualTo(1);
  }

  @Test
  void statement_keepsLongTextsApartThatBeginAlike() {
    String text = "SELECT " + "column, ".repeat(500);
    store.recordStatement(store.statement("h2", text + "a"), false, 1, MILLI, clock.nanoTime());
    store.recordStatement(store.statement("h2", text + "b"), false, 1, MILLI, clock.nanoTime());

    List<GroupSnapshot> statements = store.snapshot().statements();

    assertThat(statements).hasSize(2).allSatisfy(s -> assertThat(s.name()).hasSizeLessThan(520));
  }

  @Test
  void heatMap_showsWhenAndHowLong() {
    request("/a", 200, 10 * MILLI);
    clock.advance(Duration.ofSeconds(25));
    request("/a", 200, 10 * MILLI);
    request("/b", 200, 300 * MILLI);

    store.snapshot();
    HeatMap map = store.snapshot().heatMap();

    assertThat(map.columns()).isEqualTo(91);
    assertThat(map.columnNanos()).isEqualTo(Duration.ofSeconds(10).toNanos());
    assertThat(map.columnStartNanos(90)).isEqualTo(START + Duration.ofSeconds(20).toNanos());
    int fast = rowOf(map, 10 * MILLI);
    int slow = rowOf(map, 300 * MILLI);
    assertThat(fast).isZero();
    assertThat(slow).isEqualTo(map.rows() - 1);
    assertThat(map.count(88, fast)).isEqualTo(1);
    assertThat(map.count(90, fast)).isEqualTo(1);
    assertThat(map.count(90, slow)).isEqualTo(1);
    assertThat(map.count(89, fast)).isZero();
  }

  @Test
  void heatMap_forgetsWithTheWindow() {
    request("/a", 200, 10 * MILLI);
    store.snapshot();
    clock.advance(Duration.ofSeconds(911));
    request("/a", 200, 10 * MILLI);
    store.snapshot();

    HeatMap map = store.snapshot().heatMap();

    long sum = 0;
    for (int column = 0; column < map.columns(); column++) {
      sum += map.count(column, 0);
    }
    assertThat(sum).isEqualTo(1);
  }

  @Test
  void sketch_isTheDistributionOfTheGroup() {
    for (int i = 1; i <= 100; i++) {
      request("/a", 200, i * MILLI);
      request("/b", 200, MILLI);
    }
    StatsSnapshot snapshot = store.snapshot();

    Sketch a = store.sketch(route(snapshot, "/a"));
    Sketch all = store.sketch(snapshot.total());

    assertThat(a.count()).isEqualTo(100);
    assertThat(a.quantileNanos(0.5)).isCloseTo(50 * MILLI, within(MILLI / 3));
    assertThat(all.count()).isEqualTo(200);
  }

  @Test
  void routes_beyondTheLimitAreCountedTogetherAndExactly() {
    StatsStore small = new StatsStore(StatsConfig.builder().maxRoutes(10).build(), clock);
    for (int i = 0; i < 1_000; i++) {
      GroupHandle handle = small.route("GET", "/r" + i);
      small.recordRequest(handle, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());
    }

    StatsSnapshot snapshot = small.snapshot();

    assertThat(snapshot.routes()).hasSize(11);
    assertThat(snapshot.overflowCount()).isEqualTo(990);
    assertThat(snapshot.total().count()).isEqualTo(1_000);
    assertThat(snapshot.total().bytesOut()).isEqualTo(1_000);
  }

  @Test
  void routes_idleForAWindowMakeRoomForOthers() {
    StatsStore small = new StatsStore(StatsConfig.builder().maxRoutes(1).build(), clock);
    GroupHandle old = small.route("GET", "/old");
    small.recordRequest(old, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());
    assertThat(small.route("GET", "/new").name()).isEqualTo("other");

    clock.advance(Duration.ofSeconds(920));
    small.roll();
    GroupHandle fresh = small.route("GET", "/new");
    small.recordRequest(fresh, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());
    small.recordRequest(old, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());

    StatsSnapshot snapshot = small.snapshot();
    assertThat(fresh.name()).isEqualTo("/new");
    assertThat(snapshot.routes()).extracting(GroupSnapshot::name).containsOnly("/new", "other");
    assertThat(snapshot.total().count()).isEqualTo(2);
  }

  @Test
  void handle_worksAgainAfterItsGroupWasForgotten() {
    GroupHandle a = store.route("GET", "/a");
    store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());
    clock.advance(Duration.ofSeconds(920));
    store.roll();
    long held = store.memoryBytes();

    store.recordRequest(a, 200, Outcome.COMPLETED, false, MILLI, 0, 1, clock.nanoTime());

    assertThat(route(store.snapshot(), "/a").count()).isEqualTo(1);
    assertThat(store.route("GET", "/a")).isSameAs(a);
    assertThat(store.memoryBytes()).isGreaterThan(held);
  }

  @Test
  void handle_ofAForgottenGroupCountsWithTheOneThatHasItsNameNow() {
    StatsStore small = new StatsStore(StatsConfig.builder().maxRoutes(1).build(), clock);
    GroupHandle kept = small.route("GET", "/a");
    clock.advance(Duration.ofMinutes(30));
    small.roll();
    boolean wasForgotten = kept.isForgotten();
    GroupHandle anew = small.route("GET", "/a");

    small.recordRequest(kept, 200, Outcome.COMPLETED, false, MILLI, 0, 0, clock.nanoTime());

    assertThat(wasForgotten).isTrue();
    assertThat(anew).isNotSameAs(kept);
    assertThat(small.snapshot().routes()).extracting(GroupSnapshot::name).containsExactly("/a");
    assertThat(small.snapshot().overflowCount()).isZero();
  }

  @Test
  void route_normalisesWhatHasNoTemplate() {
    assertThat(store.route("BREW", null, "/users/17", 200).toString())
        .isEqualTo("_OTHER /users/{id}");
    assertThat(store.route("GET", null, "/wp-admin.php", 404).name()).isEqualTo("<unmatched>");
    assertThat(store.route("GET", "/users/{id}", "/users/17", 404).name()).isEqualTo("/users/{id}");
  }

  @Test
  void config_namesLimitAndValue() {
    assertThatThrownBy(() -> StatsConfig.builder().window(Duration.ofSeconds(3)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("window must be in [PT1M, PT1H], was PT3S");
    assertThatThrownBy(() -> StatsConfig.builder().maxRoutes(0))
        .hasMessage("maxRoutes must be in [1, 100000], was 0");
  }

  private void request(String route, int status, long nanos) {
    store.recordRequest(
        store.route("GET", route),
        status,
        Outcome.COMPLETED,
        status >= 500,
        nanos,
        0,
        0,
        clock.nanoTime());
  }

  private static GroupSnapshot route(StatsSnapshot snapshot, String name) {
    return snapshot.routes().stream().filter(r -> r.name().equals(name)).findFirst().orElseThrow();
  }

  private static GroupSnapshot.Latency latency(GroupSnapshot group) {
    GroupSnapshot.Latency latency = group.latency();
    assertThat(latency).isNotNull();
    return Objects.requireNonNull(latency);
  }

  private static long[] classes(GroupSnapshot group) {
    long[] classes = new long[6];
    for (int i = 0; i < classes.length; i++) {
      classes[i] = group.statusClass(i);
    }
    return classes;
  }

  private static int rowOf(HeatMap map, long nanos) {
    int row = 0;
    while (map.rowUpperNanos(row) < nanos) {
      row++;
    }
    return row;
  }

  /** Keeps every event and answers by counting. */
  private static final class Oracle {
    private static final long SECOND = 1_000_000_000L;

    private final SplittableRandom random;
    private final ManualClock clock;
    private final StatsStore store;
    private final long start;
    private final int slotSeconds;
    private final int slots;
    private final List<long[]> events = new ArrayList<>();

    Oracle(int seed) {
      random = new SplittableRandom(seed);
      start = random.nextLong(-1L << 60, 1L << 60);
      clock = new ManualClock(start);
      int windowSeconds = List.of(60, 90, 900, 901, 3_600).get(random.nextInt(5));
      slotSeconds = (windowSeconds + 89) / 90;
      slots = (windowSeconds + slotSeconds - 1) / slotSeconds;
      Duration window = Duration.ofSeconds(windowSeconds);
      store = new StatsStore(StatsConfig.builder().window(window).build(), clock);
    }

    void run(int steps) {
      for (int i = 0; i < steps; i++) {
        int what = random.nextInt(10);
        if (what < 6) {
          record();
        } else if (random.nextInt(40) == 0) {
          // More than a group lists before it counts in pages.
          for (int burst = random.nextInt(400); burst > 0; burst--) {
            record();
          }
        } else if (what < 8) {
          clock.advance(step());
        } else if (what < 9) {
          store.roll();
        } else {
          compare();
        }
      }
      compare();
    }

    private Duration step() {
      return switch (random.nextInt(4)) {
        case 0 -> Duration.ofNanos(random.nextLong(SECOND));
        case 1 -> Duration.ofSeconds(random.nextInt(1, 30));
        case 2 -> Duration.ofSeconds(random.nextInt(1, 30)).plusNanos(random.nextLong(SECOND));
        default -> Duration.ofSeconds(random.nextInt(20) == 0 ? random.nextInt(5_000) : 1);
      };
    }

    private void record() {
      long now = clock.nanoTime();
      boolean isLate = random.nextInt(4) == 0;
      long ts = isLate ? now - random.nextLong(200 * SECOND) : now;
      long nanos = random.nextLong(1_000, 1L << random.nextInt(12, 40));
      int status = List.of(200, 200, 200, 201, 404, 500).get(random.nextInt(6));
      long bytes = random.nextLong(1L << random.nextInt(1, 30));
      GroupHandle route = store.route("GET", "/" + random.nextInt(5));
      boolean isError = status >= 500;
      store.recordRequest(route, status, Outcome.COMPLETED, isError, nanos, bytes / 3, bytes, ts);
      events.add(new long[] {Math.max(0, ts - start) / SECOND, nanos, status, bytes});
    }

    private void compare() {
      long second = (clock.nanoTime() - start) / SECOND;
      long firstSecond = Math.max(0, (second / slotSeconds - slots) * slotSeconds);
      List<long[]> inWindow = new ArrayList<>();
      int[] spark = new int[60];
      long complete = 0;
      for (long[] event : events) {
        if (event[0] >= firstSecond) {
          inWindow.add(event);
          complete += event[0] < second ? 1 : 0;
        }
        int bin = (int) (event[0] - (second - 60));
        if (event[0] >= firstSecond && bin >= 0 && bin < 60) {
          spark[bin]++;
        }
      }

      GroupSnapshot total = store.snapshot().total();

      assertThat(total.count()).isEqualTo(inWindow.size());
      assertThat(total.errors()).isEqualTo(inWindow.stream().filter(e -> e[2] >= 500).count());
      assertThat(total.bytesOut()).isEqualTo(inWindow.stream().mapToLong(e -> e[3]).sum());
      assertThat(total.bytesIn()).isEqualTo(inWindow.stream().mapToLong(e -> e[3] / 3).sum());
      for (int status : new int[] {200, 201, 404, 500}) {
        assertThat(total.statusCodes().getOrDefault(status, 0L))
            .isEqualTo(inWindow.stream().filter(e -> e[2] == status).count());
      }
      assertThat(total.spark()).isEqualTo(spark);
      double covered = second - firstSecond;
      assertThat(total.windowRequestsPerSecond()).isEqualTo(covered == 0 ? 0 : complete / covered);
      if (inWindow.isEmpty()) {
        assertThat(total.latency()).isNull();
        return;
      }
      long[] sorted = inWindow.stream().mapToLong(e -> e[1]).sorted().toArray();
      GroupSnapshot.Latency latency = latency(total);
      long p95 = sorted[(int) Math.ceil(0.95 * sorted.length) - 1];
      assertThat(latency.p95Nanos() / (double) p95).isCloseTo(1, within(0.006));
      assertThat(latency.maxNanos()).isEqualTo(sorted[sorted.length - 1]);
      double mean = Arrays.stream(sorted).average().orElseThrow();
      assertThat(latency.meanNanos() / mean).isCloseTo(1, within(0.006));
    }
  }
}
