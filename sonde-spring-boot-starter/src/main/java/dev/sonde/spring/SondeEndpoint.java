// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.Hook;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;

/**
 * What Sonde sees, in numbers, as the Actuator endpoint {@code sonde}; read-only.
 *
 * <p>Times are in microseconds, ratios from 0 to 1. The token of the dashboard is not part of it.
 */
@Endpoint(id = "sonde")
public final class SondeEndpoint {
  private static final double NANOS_PER_MICRO = 1e3;

  private final Sonde sonde;

  /** Shows what this Sonde sees. */
  public SondeEndpoint(Sonde sonde) {
    this.sonde = sonde;
  }

  /** The traffic of the rolling window, by route, and how well the observer does. */
  @ReadOperation
  public Map<String, @Nullable Object> sonde() {
    StatsSnapshot stats = sonde.stats();
    HealthSnapshot health = sonde.health();
    Map<String, @Nullable Object> answer = new LinkedHashMap<>();
    answer.put("enabled", health.isEnabled());
    answer.put("service", sonde.config().serviceName());
    answer.put("instance", health.instanceId());
    answer.put("hooks", health.hooks().stream().map(Hook::name).toList());
    answer.put("inFlight", stats.requestsInFlight());
    answer.put("openConnections", stats.connections().open());
    answer.put("excluded", stats.excludedCount());
    answer.put("total", numbers(stats.total()));
    answer.put("routes", named(stats.routes()));
    answer.put("functions", named(stats.functions()));
    answer.put("statements", named(stats.statements()));
    answer.put("dropped", health.counts().droppedOldest());
    answer.put("conserved", health.isConserved());
    return answer;
  }

  private static List<Map<String, @Nullable Object>> named(List<GroupSnapshot> groups) {
    return groups.stream()
        .map(
            group -> {
              Map<String, @Nullable Object> shown = new LinkedHashMap<>();
              shown.put("kind", group.kind());
              shown.put("name", group.name());
              shown.putAll(numbers(group));
              return shown;
            })
        .toList();
  }

  private static Map<String, @Nullable Object> numbers(GroupSnapshot group) {
    Map<String, @Nullable Object> numbers = new LinkedHashMap<>();
    numbers.put("count", group.count());
    numbers.put("errors", group.errors());
    numbers.put("requestsPerSecond", group.requestsPerSecond());
    GroupSnapshot.Latency latency = group.latency();
    if (latency != null) {
      numbers.put("p50Micros", latency.p50Nanos() / NANOS_PER_MICRO);
      numbers.put("p99Micros", latency.p99Nanos() / NANOS_PER_MICRO);
      numbers.put("maxMicros", latency.maxNanos() / NANOS_PER_MICRO);
    }
    return numbers;
  }
}
