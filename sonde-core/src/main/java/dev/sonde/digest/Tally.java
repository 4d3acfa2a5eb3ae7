// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.RequestPath;
import dev.sonde.capture.Upgrade;
import dev.sonde.collect.SlotReader;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.GroupHandle;
import dev.sonde.stats.StatsStore;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Counts each piece of work in the statistics when it leaves the ring: when the digest thread reads
 * it, or when it is dropped, on whichever thread drops it.
 *
 * <p>The ring hands every record to exactly one of the two, so the statistics are exact whatever is
 * dropped, and the thread that did the work does not pay for them.
 */
final class Tally implements SlotReader {
  private static final int SWITCHING_PROTOCOLS = 101;

  private final StatsStore stats;
  private final SamplingPolicy policy;
  private final Faults faults;
  private final LongAdder excluded = new LongAdder();

  // By the number of the shape; written by any thread, always with the same handle or an equal one.
  private final @Nullable GroupHandle[] routes = new @Nullable GroupHandle[1 + Shapes.NUMBERS];
  private final @Nullable GroupHandle[] functions = new @Nullable GroupHandle[1 + Shapes.NUMBERS];
  private final @Nullable GroupHandle[] statements = new @Nullable GroupHandle[1 + Shapes.NUMBERS];

  Tally(StatsStore stats, SamplingPolicy policy, Faults faults) {
    this.stats = stats;
    this.policy = policy;
    this.faults = faults;
  }

  /** Counts a record that is dropped. */
  @Override
  public void read(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    try {
      count(time, longs, l, refs, r);
    } catch (Throwable t) {
      faults.count("statistics", t);
    }
  }

  /**
   * Counts a record.
   *
   * @return the group of a request that is not excluded; null for everything else
   */
  @Nullable GroupHandle count(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    switch (Slots.kind(longs[l + Slots.HEADER])) {
      case Slots.EXCHANGE, Slots.REQUEST -> {
        return countRequest(time, longs, l, refs, r);
      }
      case Slots.FUNCTION -> countFunction(time, longs, l, refs, r);
      case Slots.DATABASE -> countStatement(time, longs, l, refs, r);
      case Slots.CLOSED -> {
        if (longs[l + Slots.STREAM_LIFETIME] >= 0) {
          countUpgraded(time, longs, l, refs, r);
        }
      }
      default -> {
        // Connections are counted when they open and close.
      }
    }
    return null;
  }

  private @Nullable GroupHandle countRequest(
      long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Shapes.Request shape = Shapes.request(longs[l + Slots.SHAPE_NUMBER], refs[r + Slots.SHAPE]);
    String target = (String) requireNonNull(refs[r + Slots.TARGET]);
    boolean needsPath = shape.route() == null || policy.hasExcludes();
    String path = needsPath ? RequestPath.withoutParameters(target) : target;
    if (policy.excludes(path, shape.route())) {
      exclude();
      return null;
    }
    long header = longs[l + Slots.HEADER];
    int status = Slots.status(header);
    Outcome outcome = Slots.outcome(header);
    boolean isError = Slots.isFailed(header, refs[r + Slots.ERROR]);
    StreamKind kind = Slots.streamKind(header);
    if (kind != null && kind != StreamKind.WEBSOCKET) {
      String streamPath = RequestPath.withoutParameters(target);
      GroupHandle stream = stats.stream(kind, shape.route(), streamPath, status);
      stats.recordStream(
          stream,
          status,
          outcome,
          isError,
          longs[l + Slots.FIRST_BYTE],
          longs[l + Slots.DURATION],
          longs[l + Slots.BYTES_IN],
          longs[l + Slots.BYTES_OUT],
          time);
      return stream;
    }
    GroupHandle group = routes[shape.number()];
    if (group == null || group.isForgotten()) {
      group = stats.route(shape.method(), shape.route(), path, status);
      remember(routes, shape.number(), shape.route(), group);
    }
    stats.recordRequest(
        group,
        status,
        outcome,
        isError,
        longs[l + Slots.DURATION],
        longs[l + Slots.BYTES_IN],
        longs[l + Slots.BYTES_OUT],
        time);
    stats.recordBlocked(
        group, longs[l + Slots.DURATION], Slots.blockedNanos(longs[l + Slots.STREAM]), time);
    return group;
  }

  /** The life of a connection that a request has made a stream; the request itself was counted. */
  private void countUpgraded(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Upgrade upgrade = (Upgrade) requireNonNull(refs[r + Slots.UPGRADE]);
    CloseReason reason = (CloseReason) requireNonNull(refs[r + Slots.REASON]);
    String path = RequestPath.withoutParameters(upgrade.target());
    if (policy.excludes(path, upgrade.route())) {
      return;
    }
    Outcome outcome = outcomeOf(reason);
    stats.recordStream(
        stats.stream(upgrade.kind(), upgrade.route(), path, SWITCHING_PROTOCOLS),
        SWITCHING_PROTOCOLS,
        outcome,
        outcome == Outcome.APP_ERROR || outcome == Outcome.SERVER_TIMEOUT,
        longs[l + Slots.STREAM_FIRST_BYTE],
        longs[l + Slots.STREAM_LIFETIME],
        0,
        0,
        time);
  }

  private static Outcome outcomeOf(CloseReason reason) {
    return switch (reason) {
      // A server that stops says goodbye, which is a good end.
      case COMPLETE, SERVER_SHUTDOWN -> Outcome.COMPLETED;
      case CLIENT_DISCONNECT -> Outcome.CLIENT_ABORT_DURING_BODY;
      case TIMEOUT -> Outcome.SERVER_TIMEOUT;
      case BACKPRESSURE -> Outcome.REJECTED;
      case ERROR -> Outcome.APP_ERROR;
    };
  }

  private void countFunction(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Shapes.Name shape = Shapes.name(longs[l + Slots.SHAPE_NUMBER], refs[r + Slots.SHAPE]);
    GroupHandle group = functions[shape.number()];
    if (group == null || group.isForgotten()) {
      group = stats.function(shape.text());
      remember(functions, shape.number(), shape.text(), group);
    }
    boolean isError = Slots.has(longs[l + Slots.HEADER], Slots.IS_ERROR);
    stats.recordFunction(group, isError, longs[l + Slots.DURATION], time);
  }

  private void countStatement(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Shapes.Statement shape = Shapes.statement(longs[l + Slots.SHAPE_NUMBER], refs[r + Slots.SHAPE]);
    GroupHandle group = statements[shape.number()];
    if (group == null || group.isForgotten()) {
      String query = shape.query();
      String text = query == null ? shape.operation() : query;
      group = stats.statement(shape.vendor(), text);
      remember(statements, shape.number(), text, group);
    }
    stats.recordStatement(
        group,
        Slots.has(longs[l + Slots.HEADER], Slots.IS_ERROR),
        longs[l + Slots.ROWS],
        longs[l + Slots.DURATION],
        time);
  }

  /** Not what found no room in the statistics: it may find some later. */
  private static void remember(
      @Nullable GroupHandle[] groups, int number, @Nullable String name, GroupHandle group) {
    if (number != Shapes.NONE && group.name().equals(name)) {
      groups[number] = group;
    }
  }

  /** Counts a request that the sampling rules exclude. */
  void exclude() {
    stats.requestExcluded();
    excluded.increment();
  }

  /** Requests that the sampling rules excluded. */
  long excluded() {
    return excluded.sum();
  }
}
