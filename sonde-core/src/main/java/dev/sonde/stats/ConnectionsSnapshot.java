// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.event.CloseReason;
import java.util.List;
import java.util.Map;

/**
 * The numbers of connections in the window.
 *
 * @param open connections open now
 * @param opened connections accepted in the window
 * @param closed connections that ended in the window, with their lifetimes as latency
 * @param rejected connections refused at the door in the window
 * @param requestsServed requests served by those that ended in the window
 * @param neverUsed connections that ended in the window without one request
 * @param reasons connections that ended in the window by reason; each reason has a value
 * @param details the same by reason and detail: {@code kind} is the reason, {@code name} the detail
 */
public record ConnectionsSnapshot(
    long open,
    long opened,
    GroupSnapshot closed,
    long rejected,
    long requestsServed,
    long neverUsed,
    Map<CloseReason, Long> reasons,
    List<GroupSnapshot> details) {
  /** Copies the collections. */
  public ConnectionsSnapshot {
    reasons = Map.copyOf(reasons);
    details = List.copyOf(details);
  }

  /** Requests per connection of those that ended in the window; 0 when none did. */
  public double requestsPerConnection() {
    return closed.count() == 0 ? 0.0 : (double) requestsServed / closed.count();
  }
}
