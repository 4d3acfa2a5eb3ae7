// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class RecentStoreTest {
  private static final ErrorInfo LONGEST =
      new ErrorInfo("T".repeat(200), "m".repeat(1_024), "s".repeat(16_384));

  private final RecentStore store = new RecentStore(RecentStore.DEFAULT_CAPACITY);
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
      end(i, "/" + "p".repeat(511), "GET r" + i % 300, LONGEST);
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
      end(i, "p".repeat(20_000), "GET r" + i % 300, null);
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
    end(9_999, "/", "GET /", null);

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

  private void makeRoom() {
    List<ProfileEvent> excess = store.releaseExcess();
    while (excess != null) {
      released.addAll(excess);
      excess = store.releaseExcess();
    }
  }

  private void add(long root, String query, boolean hold) {
    DatabaseEvent statement =
        new DatabaseEvent(
            1,
            1,
            1,
            root + 1_000_000,
            root,
            "h2",
            "db",
            "SELECT",
            "t",
            query,
            7,
            1,
            5,
            false,
            null,
            1,
            1);
    store.add(root, statement, hold);
  }

  private void end(long id, String path, String routeKey, @Nullable ErrorInfo error) {
    RequestEvent request =
        new RequestEvent(
            id, 1, 1, id, 0, 1, id, "GET", null, path, 200, Outcome.COMPLETED, id, 0, 0, error, 1);
    store.end(routeKey, request, 1, 0, 0, "HTTP/1.1", -1);
  }
}
