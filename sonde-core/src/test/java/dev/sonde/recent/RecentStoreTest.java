// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.recent.RecentRequests.SlowRoute;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.MonotonicClock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RecentStoreTest {
  private static final ErrorInfo LONGEST =
      new ErrorInfo("T".repeat(200), "m".repeat(1_024), "s".repeat(16_384));

  private static final long MINUTE = 60_000_000_000L;

  private final StatsStore stats = new StatsStore(StatsConfig.defaults(), MonotonicClock.system());
  private final RecentStore store =
      new RecentStore(RecentStore.DEFAULT_CAPACITY, EventRecords.layout());
  private final List<ProfileEvent> released = new ArrayList<>();

  @Test
  void memoryBytes_staysBelowTheBoundWithTheLongestTexts() {
    String query = "q".repeat(8_192);
    for (int i = 1; i <= 4_000; i++) {
      for (int child = 0; child < 40; child++) {
        add(i, query, false);
        assertThat(store.memoryBytes()).isLessThanOrEqualTo(store.memoryBoundBytes());
        makeRoom();
      }
      end(i, "/" + "p".repeat(511), "r" + i % 300, LONGEST);
      assertThat(store.memoryBytes()).isLessThanOrEqualTo(store.memoryBoundBytes());
      makeRoom();
    }

    // The newest has all, those before it what there is room for.
    RecentRequest newest = requireNonNull(store.find(4_000));
    assertThat(newest.statements()).hasSize(40);
    assertThat(newest.request().error()).isEqualTo(LONGEST);
    RecentRequest older = requireNonNull(store.find(3_500));
    assertThat(older.statements()).isEmpty();
    assertThat(older.omittedCount()).isEqualTo(40);
    assertThat(requireNonNull(older.request().error()).type()).isEqualTo(LONGEST.type());
  }

  @Test
  void memoryBytes_countsRequestsWithoutDetailsToo() {
    for (int i = 1; i <= 20_000; i++) {
      end(i, "p".repeat(20_000), "r" + i % 300, null);
      makeRoom();
      assertThat(store.memoryBytes()).isLessThanOrEqualTo(store.memoryBoundBytes());
    }

    assertThat(store.find(20_000)).isNotNull();
  }

  @Test
  void memoryBytes_isThatOfAnEmptyStoreWhenEverythingHasGone() {
    long empty = store.memoryBytes();
    for (int i = 1; i <= 200; i++) {
      add(i, "SELECT ?", i % 2 == 0);
      add(i, "SELECT ?", true);
    }
    for (int child = 0; child < 200; child++) {
      add(7, "SELECT ?", true);
    }
    assertThat(store.memoryBytes()).isGreaterThan(empty);
    List<ProfileEvent> oldest = store.releaseOldest();
    while (oldest != null) {
      released.addAll(oldest);
      oldest = store.releaseOldest();
    }

    assertThat(released).hasSize(100 + 200 + 200);
    assertThat(store.held()).isZero();
    assertThat(store.memoryBytes()).isEqualTo(empty);
  }

  @Test
  void add_keepsTheCallsOfNewRequestsWhenManyGroupsNeverEnd() {
    for (int i = 1; i <= 2_000; i++) {
      for (int child = 0; child < 100; child++) {
        add(i, "SELECT * FROM t WHERE id = ?", false);
        makeRoom();
      }
    }

    add(9_999, "SELECT ?", false);
    makeRoom();
    end(9_999, "/", "/", null);

    assertThat(requireNonNull(store.find(9_999)).statements()).hasSize(1);
  }

  @Test
  void releaseExcess_givesBackWhatWasHeldForTheOldest() {
    String query = "q".repeat(8_192);
    int added = 0;
    while (released.isEmpty()) {
      added++;
      add(added, query, true);
      makeRoom();
    }

    assertThat(released).hasSize(1).allMatch(event -> event.parentSpanId() == 1);
    assertThat(store.held()).isEqualTo(added - 1);
  }

  @Test
  void end_keepsTheNewestAndTheSlowestOfEachRoute() {
    for (int i = 1; i <= 3_000; i++) {
      end(i, "/", "r" + i % 2, null, i, i % 1_000);
    }

    RecentRequests views = store.snapshot(3_000);
    List<RecentRequest> slow = views.slowest().get(1).requests();
    assertThat(ids(views.newest())).isEqualTo(descending(3_000, 2_001));
    assertThat(views.slowest()).extracting(SlowRoute::route).containsExactly("GET r0", "GET r1");
    assertThat(ids(slow)).hasSize(20).startsWith(999L, 1_999L, 2_999L, 997L).endsWith(1_987L);
    assertThat(store.find(999)).isEqualTo(slow.get(0));
    assertThat(store.find(500)).isNull();
  }

  @Test
  void end_leavesSlowRequestsOutAfterAQuarterOfAnHour() {
    for (int i = 1; i <= 20; i++) {
      end(i, "/", "r", null, i * MINUTE, 1_000 - i);
    }
    fillNewest(20 * MINUTE);

    end(21, "/", "r", null, 20 * MINUTE, 5);

    assertThat(store.find(4)).isNull();
    assertThat(store.find(5)).isNotNull();
    assertThat(ids(store.snapshot(24 * MINUTE).slowest().get(1).requests()))
        .containsExactly(9L, 10L, 11L, 12L, 13L, 14L, 15L, 16L, 17L, 18L, 19L, 20L, 21L);
    assertThat(store.snapshot(60 * MINUTE).slowest()).isEmpty();
  }

  @Test
  void end_forgetsARouteThatIsNotSeenWhenThereAreTooMany() {
    for (int i = 1; i <= 256; i++) {
      end(i, "/", "r" + i, null, i, 1);
    }
    for (int i = 257; i <= 500; i++) {
      end(i, "/", "r256", null, i, 1);
      end(1_000 + i, "/", "r" + i, null, i, 1);
    }

    assertThat(store.snapshot(500).slowest())
        .hasSize(256)
        .extracting(SlowRoute::route)
        .contains("GET r256", "GET r500");
  }

  @Test
  void snapshot_showsOneRouteWhoseStatisticsWereForgottenInBetween() {
    StatsStore later = new StatsStore(StatsConfig.defaults(), MonotonicClock.system());
    end(1, "/", "r", null, 1, 30);
    end(2, "/", "r", null, 2, 10);
    RequestEvent third = request(3, 3, "/", null, 3, 20);
    store.end(EventRecords.of(third, 3), later.route("GET", "r"), 1);

    List<SlowRoute> routes = store.snapshot(3).slowest();
    assertThat(routes).hasSize(1);
    assertThat(ids(routes.get(0).requests())).containsExactly(1L, 3L, 2L);
  }

  @Test
  void snapshot_hasAllThatIsKnownOfARequest() {
    add(1, "SELECT 1", false);
    add(1, "SELECT 2", false);
    end(request(1, 1, "/", LONGEST, 1, 7), "r", 4);
    add(1, "late", false);

    RecentRequest view = store.snapshot(1).newest().get(0);
    assertThat(view.request().weight()).isEqualTo(4);
    assertThat(view.request().error()).isEqualTo(LONGEST);
    assertThat(view.workerId()).isEqualTo(3);
    assertThat(view.streamId()).isEqualTo(5);
    assertThat(view.httpVersion()).isEqualTo("HTTP/2");
    assertThat(view.functions()).isEmpty();
    assertThat(queries(view)).containsExactly("SELECT 1", "SELECT 2", "late");
    assertThat(view.omittedCount()).isZero();
  }

  @Test
  void snapshot_countsARequestOnceWhoseEventsAreNotPassedOn() {
    end(request(1, 1, "/", null, 1, 7), "r", 0);

    assertThat(store.snapshot(1).newest().get(0).request().weight()).isEqualTo(1);
  }

  @Test
  void add_countsWhatIsBeyondTheLimitOfARequestAndStillHoldsIt() {
    for (int i = 0; i < 200; i++) {
      add(1, "q" + i, true);
    }

    List<ProfileEvent> held = end(request(1, 1, "/", null, 1, 1), "r", 1);
    add(1, "late", true);

    assertThat(held)
        .extracting(event -> ((DatabaseEvent) event).query())
        .hasSize(200)
        .startsWith("q0", "q1")
        .endsWith("q198", "q199");
    RecentRequest view = requireNonNull(store.find(1));
    assertThat(queries(view)).hasSize(128).endsWith("q127");
    assertThat(view.omittedCount()).isEqualTo(73);
    assertThat(store.held()).isZero();
  }

  @Test
  void add_tellsWhetherTheRequestHasEndedAndWithWhichWeight() {
    int early = add(1, "early", true);
    assertThat(store.hasEnded(early)).isFalse();

    end(request(1, 1, "/", null, 1, 1), "r", 8);
    int late = add(1, "late", true);

    assertThat(store.hasEnded(late)).isTrue();
    assertThat(store.weight(late)).isEqualTo(8);
    assertThat(store.held()).isZero();
  }

  @Test
  void add_refusesAnOutermostSpanThatIsNoRequest() {
    EventRecords orphan = EventRecords.of(statement(7, 0, "outermost"), 7);

    assertThat(store.add(orphan, true)).isEqualTo(RecentStore.NONE);
    assertThat(store.held()).isZero();
    add(7, "within", true);
    assertThat(store.add(orphan, true)).isEqualTo(RecentStore.NONE);
    assertThat(store.release(7)).hasSize(1);
  }

  @Test
  void release_givesBackWhatIsHeldUnlessItsRequestHasEnded() {
    add(1, "first", true);
    add(2, "second", true);
    end(2, "/", "r", null);

    assertThat(store.release(1)).hasSize(1);
    assertThat(store.release(1)).isEmpty();
    assertThat(store.release(2)).isEmpty();
    assertThat(queries(store.find(2))).containsExactly("second");
  }

  @Test
  void releaseExcess_letsTheOldestOfTooManyGroupsGo() {
    for (int i = 1; i <= 2_049; i++) {
      add(i, "q", true);
    }

    makeRoom();

    assertThat(released).hasSize(1).allMatch(event -> event.parentSpanId() == 1);
    assertThat(store.held()).isEqualTo(2_048);
  }

  @Test
  void releaseExcess_letsTheOldestGoWhenTooMuchIsHeld() {
    for (int i = 0; i < 32_769; i++) {
      add(1 + i / 100, "q", true);
    }

    makeRoom();

    assertThat(released).hasSize(100).allMatch(event -> event.parentSpanId() == 1);
  }

  @Test
  void releaseExcess_forgetsTheOldestPartsWhenThereAreTooMany() {
    for (int i = 1; i <= 700; i++) {
      for (int part = 0; part < 100; part++) {
        add(i, "q", false);
        makeRoom();
      }
      end(i, "/", "r", null);
    }

    assertThat(queries(store.find(1))).isEmpty();
    assertThat(requireNonNull(store.find(1)).omittedCount()).isEqualTo(100);
    assertThat(queries(store.find(700))).hasSize(100);
    assertThat(queries(store.find(60))).hasSize(100);
  }

  @Test
  void end_givesALaterRequestOfTheSameSpanAPlaceOfItsOwn() {
    add(1, "first", false);
    end(request(1, 1, "/a", null, 1, 1), "r", 1);
    end(request(2, 1, "/b", null, 2, 1), "r", 1);
    add(1, "second", false);

    assertThat(queries(store.find(1))).containsExactly("first");
    assertThat(queries(store.find(2))).containsExactly("second");
  }

  @Test
  void end_letsGoOfARequestThatIsNeitherNewNorSlow() {
    for (int i = 1; i <= 20; i++) {
      end(i, "/", "r", null, i, 1_000);
    }
    add(21, "SELECT ?", false);
    end(21, "/", "r", null, 21, 10);

    for (int i = 22; i < 1_021; i++) {
      end(i, "/", "r", null, i, 10);
    }
    assertThat(store.find(21)).isNotNull();
    long before = store.memoryBytes();
    end(1_021, "/", "r", null, 1_021, 10);

    assertThat(store.find(21)).isNull();
    assertThat(store.find(1)).isNotNull();
    assertThat(store.memoryBytes()).isEqualTo(before - 2L * "SELECT ?".length());
  }

  @Test
  void news_areTheLastOfThoseThatEndedSince() {
    for (int i = 1; i <= 3; i++) {
      end(i, "/", "r", null, i, 1);
    }
    long seen = store.news(0, 0).endedCount();
    assertThat(seen).isEqualTo(3);
    assertThat(store.news(seen, 25).newest()).isEmpty();

    for (int i = 4; i <= 8; i++) {
      end(i, "/", "r", null, i, 1);
    }

    RecentNews all = store.news(seen, 25);
    assertThat(all.endedCount()).isEqualTo(8);
    assertThat(all.newest())
        .extracting(recent -> recent.request().requestId())
        .containsExactly(8L, 7L, 6L, 5L, 4L);
    assertThat(store.news(seen, 2).newest())
        .extracting(recent -> recent.request().requestId())
        .containsExactly(8L, 7L);
  }

  @Test
  void news_holdNoMoreThanIsKept() {
    for (int i = 1; i <= 2_500; i++) {
      end(i, "/", "r", null, i, 1);
    }

    assertThat(store.news(0, 5_000).newest()).hasSize(RecentStore.DEFAULT_CAPACITY);
    assertThat(store.news(0, 5_000).endedCount()).isEqualTo(2_500);
  }

  private void makeRoom() {
    List<ProfileEvent> excess = store.releaseExcess();
    while (excess != null) {
      released.addAll(excess);
      excess = store.releaseExcess();
    }
  }

  /** Requests of another route, until none of those before is one of the newest. */
  private void fillNewest(long timestampNanos) {
    for (int i = 0; i < RecentStore.DEFAULT_CAPACITY; i++) {
      end(100_000 + i, "/", "other", null, timestampNanos, 1);
    }
  }

  private static List<Long> descending(long from, long to) {
    return LongStream.rangeClosed(to, from).map(id -> from + to - id).boxed().toList();
  }

  private static List<Long> ids(List<RecentRequest> views) {
    return views.stream().map(view -> view.request().requestId()).toList();
  }

  private static List<String> queries(@Nullable RecentRequest view) {
    return requireNonNull(view).statements().stream()
        .map(statement -> requireNonNull(statement.query()))
        .toList();
  }

  private int add(long root, String query, boolean hold) {
    return store.add(EventRecords.of(statement(root + 1_000_000, root, query), root), hold);
  }

  private void end(long id, String path, String route, @Nullable ErrorInfo error) {
    end(id, path, route, error, id, id);
  }

  private void end(
      long id,
      String path,
      String route,
      @Nullable ErrorInfo error,
      long timestampNanos,
      long durationNanos) {
    end(request(id, id, path, error, timestampNanos, durationNanos), route, 1);
  }

  private List<ProfileEvent> end(RequestEvent request, String route, double weight) {
    return store.end(EventRecords.of(request, request.spanId()), stats.route("GET", route), weight);
  }

  private static DatabaseEvent statement(long span, long parent, String query) {
    return new DatabaseEvent(
        1, 1, 1, span, parent, "h2", "db", "SELECT", "t", query, 7, 1, 5, false, null, 1, 1);
  }

  private static RequestEvent request(
      long id,
      long span,
      String path,
      @Nullable ErrorInfo error,
      long timestampNanos,
      long durationNanos) {
    return new RequestEvent(
        timestampNanos,
        1,
        1,
        span,
        0,
        1,
        id,
        "GET",
        null,
        path,
        200,
        Outcome.COMPLETED,
        durationNanos,
        0,
        0,
        error,
        1);
  }
}
