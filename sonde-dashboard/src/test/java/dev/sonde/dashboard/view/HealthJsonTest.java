// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.MemoryPart;
import dev.sonde.digest.PipelineCounts;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.ClockAnchor;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class HealthJsonTest {
  @Test
  void laws_holdWithRecordsRefusedAfterTheCloseAndRecordsLostToFaults() {
    HealthSnapshot health = health(new PipelineCounts(100, 5, 3, 7, 10, 80, 20, 49, 11, 147));

    assertThat(health.isConserved()).isTrue();
    assertThat(HealthJson.laws(health))
        .hasSize(2)
        .allSatisfy(law -> assertThat(law.difference()).isZero());
    assertThat(HealthJson.drops(health))
        .containsEntry("closed", 7L)
        .containsEntry("queue_full", 3L);
    assertThat(HealthJson.dropped(health)).isEqualTo(10);
    assertThat(json(health))
        .contains("\"is_conserved\":true")
        .contains("\"dropped_closed\":7")
        .contains("\"failed\":11")
        .contains("\"memory_bound_bytes\":1000,\"held_bytes\":10,")
        .contains("{\"name\":\"queue\",\"held_bytes\":7,\"bound_bytes\":600}")
        .contains("\"ns_per_record\":100,\"bytes_per_record\":12.5")
        .contains("\"cpu_ratio\":0.01");
  }

  @Test
  void laws_areBrokenWhenARecordIsMissing() {
    HealthSnapshot health = health(new PipelineCounts(101, 5, 3, 7, 10, 80, 20, 49, 10, 147));

    assertThat(HealthJson.laws(health))
        .allSatisfy(law -> assertThat(law.difference()).isEqualTo(1));
    assertThat(json(health)).contains("\"is_conserved\":false");
  }

  @Test
  void health_tellsTheBoundOfTheStatistics() {
    HealthSnapshot health = health(new PipelineCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0));

    assertThat(json(health))
        .containsPattern("\"statistics\":\\{\"held_bytes\":[1-9]\\d*,\"bound_bytes\":16777216}");
  }

  private static String json(HealthSnapshot health) {
    StatsSnapshot stats = new StatsStore(StatsConfig.defaults(), () -> 0).snapshot();
    byte[] json = Json.document(out -> HealthJson.health(out, health, stats, Map.of()));
    return new String(json, StandardCharsets.UTF_8);
  }

  private static HealthSnapshot health(PipelineCounts counts) {
    return new HealthSnapshot(
        true,
        "a",
        new ClockAnchor(1_000_000_000L, 0),
        1,
        counts,
        List.of(),
        List.of(),
        0,
        8192,
        List.of(new MemoryPart("queue", 7, 600), new MemoryPart("errors", 3, 400)),
        100,
        12.5,
        0.01,
        new TreeMap<>());
  }
}
