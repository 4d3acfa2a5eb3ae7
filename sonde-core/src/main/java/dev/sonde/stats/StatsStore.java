// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.time.MonotonicClock;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of a rolling window, exact for all of the traffic.
 *
 * <p>Recording may be done by any thread and takes no lock. It needs no thread of its own: {@link
 * #snapshot()} does what is due. Calling {@link #roll()} once a second keeps that work small.
 *
 * <p>Every timestamp is a reading of the store's {@link MonotonicClock}.
 */
@SuppressWarnings({"DoNotCallSuggester", "ObjectToString"})
public final class StatsStore {
  /** A store that begins now. */
  public StatsStore(StatsConfig config, MonotonicClock clock) {
    throw new UnsupportedOperationException(config + " " + clock);
  }

  /**
   * The group of a method and a route.
   *
   * @param method as sent; an unknown one becomes {@code _OTHER}
   * @param route template such as {@code /users/{id}}; never a raw path
   */
  public GroupHandle route(String method, String route) {
    throw new UnsupportedOperationException(method + route);
  }

  /**
   * The group of a request whose route may be unknown: then its path is normalised by {@link
   * RouteNormalizer}, and one that was not found (404) becomes {@code <unmatched>}.
   */
  public GroupHandle route(String method, @Nullable String route, String path, int status) {
    throw new UnsupportedOperationException(method + route + path + status);
  }

  /** The group of a function. */
  public GroupHandle function(String name) {
    throw new UnsupportedOperationException(name);
  }

  /**
   * The group of a statement.
   *
   * @param vendor such as {@code postgresql}
   * @param statement normalised text, or the operation where there is no text
   */
  public GroupHandle statement(String vendor, String statement) {
    throw new UnsupportedOperationException(vendor + statement);
  }

  /**
   * Counts a request that begins.
   *
   * <p>Each one must be ended by {@link #recordRequest} or {@link #requestExcluded}. Who learns of
   * a request only at its end calls both then.
   */
  public void requestStarted() {
    throw new UnsupportedOperationException();
  }

  /** Ends a request that the sampling rules exclude: it is counted as such and nowhere else. */
  public void requestExcluded() {
    throw new UnsupportedOperationException();
  }

  /**
   * Ends and counts a request.
   *
   * @param route its group
   * @param status HTTP status code, or 0 if no response head was sent
   * @param outcome how it ended
   * @param isError whether the server failed, as {@code RequestEvent.isError()} has it
   * @param durationNanos nanoseconds it took; a negative one counts as 0
   * @param bytesIn body bytes received
   * @param bytesOut body bytes sent
   * @param timestampNanos monotonic time of its end
   */
  public void recordRequest(
      GroupHandle route,
      int status,
      Outcome outcome,
      boolean isError,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /** Counts a call of a function. */
  public void recordFunction(
      GroupHandle function, boolean isError, long durationNanos, long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /**
   * Counts a statement.
   *
   * @param rows rows returned or changed, or -1 if unknown
   */
  public void recordStatement(
      GroupHandle statement, boolean isError, long rows, long durationNanos, long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /** Counts a connection that was accepted. */
  public void connectionOpened(long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /** Counts the end of a connection that {@link #connectionOpened} counted. */
  public void connectionClosed(
      CloseReason reason,
      @Nullable String detail,
      long requestsServed,
      long bytesSent,
      long durationNanos,
      long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /** Counts a connection that was refused at the door. */
  public void connectionRejected(long timestampNanos) {
    throw new UnsupportedOperationException();
  }

  /** Moves the window to now and forgets what is idle. Any thread; once a second is enough. */
  public void roll() {
    throw new UnsupportedOperationException();
  }

  /** The numbers of the whole window. */
  public StatsSnapshot snapshot() {
    throw new UnsupportedOperationException();
  }

  /**
   * The numbers of the last part of the window, such as one minute; it begins at a whole slot (10 s
   * where the window is 15 minutes).
   *
   * @param window more than 0; more than the store's own window means that one
   */
  public StatsSnapshot snapshot(Duration window) {
    throw new UnsupportedOperationException("" + window);
  }

  /** The distribution of one group of a snapshot over the full window, if it still exists. */
  public Optional<Sketch> sketch(GroupHandle group) {
    throw new UnsupportedOperationException("" + group);
  }

  /** Bytes held now. */
  public long memoryBytes() {
    throw new UnsupportedOperationException();
  }

  /** Bytes that are held at most. */
  public long memoryBoundBytes() {
    throw new UnsupportedOperationException();
  }
}
