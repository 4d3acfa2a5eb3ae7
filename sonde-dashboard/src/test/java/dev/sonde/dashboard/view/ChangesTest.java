// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.Outcome;
import dev.sonde.recent.RecentNews;
import dev.sonde.recent.RecentRequests;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.ClockAnchor;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class ChangesTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private long nanos;
  private final StatsStore store = new StatsStore(StatsConfig.defaults(), () -> nanos);
  private final ErrorRing errors = new ErrorRing(() -> nanos);
  private final Documents documents =
      new Documents(
          new Sources(
              store::snapshot,
              errors::snapshot,
              () -> new RecentRequests(List.of(), List.of()),
              (endedCount, most) -> new RecentNews(0, List.of()),
              id -> null,
              () -> {
                throw new IllegalStateException("not asked for");
              },
              () -> new ClockAnchor(nanos, nanos)),
          () -> nanos,
          Map::of);

  @Test
  void changes_tellThatSteadyTrafficBecameTenTimesSlower() {
    traffic(400, 10);
    assertThat(changes()).isEqualTo("[]");

    traffic(60, 100);

    assertThat(changes())
        .contains("\"kind\":\"latency_up\",\"method\":\"GET\",\"route\":\"/a\"")
        .matches(".*\"before\":(9|10)[0-9]{3}[^0-9].*\"now\":(99|100)[0-9]{3}[^0-9].*")
        .doesNotContain("traffic", "errors", "new_route");
  }

  @Test
  void changes_tellThatTrafficBecameFastAgain() {
    traffic(400, 100);
    traffic(60, 10);

    assertThat(changes()).contains("\"kind\":\"latency_down\"").doesNotContain("latency_up");
  }

  @Test
  void changes_areNoneWhenSlownessHasLastedLonger() {
    traffic(400, 10);
    traffic(400, 100);

    assertThat(changes()).isEqualTo("[]");
  }

  @Test
  void changes_areNoneWithoutTraffic() {
    traffic(0, 10);
    for (int second = 0; second < 400; second++) {
      pass();
    }

    assertThat(changes()).isEqualTo("[]");
  }

  @Test
  void changes_areNoneWithinTheFirstMinute() {
    traffic(40, 10);
    traffic(18, 100);

    assertThat(changes()).doesNotContain("latency");
  }

  /** Two requests a second of one duration. */
  private void traffic(int seconds, long millis) {
    for (int second = 0; second < seconds; second++) {
      for (int i = 0; i < 2; i++) {
        store.recordRequest(
            store.route("GET", "/a"),
            200,
            Outcome.COMPLETED,
            false,
            TimeUnit.MILLISECONDS.toNanos(millis),
            0,
            0,
            nanos);
      }
      pass();
    }
  }

  private void pass() {
    nanos += SECOND;
    store.roll();
    documents.observe();
  }

  private String changes() {
    byte[] json = Objects.requireNonNull(documents.document("/metrics.json", 300));
    String text = new String(json, StandardCharsets.UTF_8);
    return text.substring(text.indexOf("\"changes\":") + 10, text.length() - 1);
  }
}
