// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
 * @param streams what stays open for as long as somebody wants to hear from it
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
    Streams streams,
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

  /**
   * WebSockets, event streams, long polls and streaming calls of gRPC.
   *
   * @param open those that are open now, by kind; each kind has a value
   * @param ended those that ended in the window, by kind and route, the most first
   */
  public record Streams(Map<StreamKind, Long> open, List<Ended> ended) {
    /** Copies both. */
    public Streams {
      open = Collections.unmodifiableMap(new EnumMap<>(open));
      ended = List.copyOf(ended);
    }

    /** All that are open now. */
    public long openCount() {
      return open.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /**
   * Streams of one kind and route that ended.
   *
   * @param kind what they are, or null of those beyond the number of routes that is told apart
   * @param route template, or the normalised path where none is known
   * @param lifetime how many there were, how long they were open, and how they ended; a WebSocket
   *     is open from its upgrade, everything else from its request
   * @param firstByte how long it took until the response began, or null if it is known of none
   */
  public record Ended(
      @Nullable StreamKind kind,
      String route,
      GroupSnapshot lifetime,
      GroupSnapshot.@Nullable Latency firstByte) {
    /** Those that ended as the server meant them to. */
    public long completed() {
      return lifetime.outcome(Outcome.COMPLETED);
    }

    /** Those that the client left. */
    public long disconnected() {
      return lifetime.outcome(Outcome.CLIENT_ABORT_BEFORE_HEADERS)
          + lifetime.outcome(Outcome.CLIENT_ABORT_DURING_BODY);
    }

    /** Those that broke off otherwise: by a failure, a time-out, or a limit. */
    public long failed() {
      return lifetime.count() - completed() - disconnected();
    }
  }
}
