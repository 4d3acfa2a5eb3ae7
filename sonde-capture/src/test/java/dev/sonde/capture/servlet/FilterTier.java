// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.Capability;
import dev.sonde.testkit.Deviation;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/** What a filter can tell of any container. */
final class FilterTier {
  /** Longer than any client of the contract is quiet between two requests on a busy machine. */
  static final Duration UNSEEN_AFTER = Duration.ofMillis(600);

  static final Set<Capability> CAPABILITIES = Set.of(Capability.ROUTE, Capability.H2);

  private FilterTier() {}

  /**
   * The deviations of a container, and those of a filter.
   *
   * @param own what it cannot tell in this container
   */
  static Map<Deviation, String> deviations(
      Map<Deviation, String> container, Deviation own, String reason) {
    Map<Deviation, String> all = new EnumMap<>(Deviation.class);
    all.putAll(container);
    all.put(own, reason);
    all.put(Deviation.CLOSE_UNSEEN, "a filter is not told of the close of a connection");
    all.put(Deviation.NO_RESET_LIMIT, "a filter is not told of the container's limit of resets");
    all.put(
        Deviation.ERROR_PAGES_UNSEEN, "a container writes its error pages after all its filters");
    return all;
  }
}
