// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.util.List;

/**
 * Everything that {@link StatsStore} knows at one moment; immutable and owned by the caller.
 *
 * @param takenNanos monotonic time at which it was taken
 * @param uptimeNanos nanoseconds since the store began
 * @param coveredNanos length of the window that the numbers describe: the one asked for, up to one
 *     slot more, or less while the store is young
 * @param total all requests
 * @param routes each method and route that had requests in the window, those with most time first
 * @param functions each function that was called in the window, those with most time first
 * @param statements each statement that ran in the window, those with most time first
 * @param connections the connections
 * @param requestsInFlight requests begun and not ended, or 0 if nobody told who knows
 * @param excludedCount requests since the start that the sampling rules exclude from everything
 * @param overflowCount requests in the window that were counted as {@code other}
 * @param heatMap latency over time of all requests, always of the full window
 * @param memoryBytes bytes held by the store
 * @param memoryBoundBytes bytes that the store can hold at most
 */
public record StatsSnapshot(
    long takenNanos,
    long uptimeNanos,
    long coveredNanos,
    GroupSnapshot total,
    List<GroupSnapshot> routes,
    List<GroupSnapshot> functions,
    List<GroupSnapshot> statements,
    ConnectionsSnapshot connections,
    long requestsInFlight,
    long excludedCount,
    long overflowCount,
    HeatMap heatMap,
    long memoryBytes,
    long memoryBoundBytes) {
  /** Copies the lists. */
  public StatsSnapshot {
    routes = List.copyOf(routes);
    functions = List.copyOf(functions);
    statements = List.copyOf(statements);
  }
}
