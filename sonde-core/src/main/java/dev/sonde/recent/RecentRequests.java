// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import java.util.List;

/**
 * The requests that can be looked at one by one.
 *
 * @param newest requests that ended last, newest first, whether or not sampling kept them
 * @param slowest per route the slowest requests of the last minutes, slowest first
 */
public record RecentRequests(List<RecentRequest> newest, List<SlowRoute> slowest) {
  /**
   * The slowest requests of one route.
   *
   * @param route method and template, or the group that stands for requests without one
   * @param requests slowest first
   */
  public record SlowRoute(String route, List<RecentRequest> requests) {}
}
