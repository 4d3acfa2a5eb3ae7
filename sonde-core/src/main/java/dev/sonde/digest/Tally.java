// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.RequestPath;
import dev.sonde.collect.SlotReader;
import dev.sonde.event.Outcome;
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
  private final StatsStore stats;
  private final SamplingPolicy policy;
  private final Faults faults;
  private final LongAdder excluded = new LongAdder();

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
      default -> {
        // Connections are counted when they open and close.
      }
    }
    return null;
  }

  private @Nullable GroupHandle countRequest(
      long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Shapes.Request shape = (Shapes.Request) requireNonNull(refs[r + Slots.SHAPE]);
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
    boolean isError =
        status >= 500
            || refs[r + Slots.ERROR] != null
            || outcome == Outcome.APP_ERROR
            || outcome == Outcome.SERVER_TIMEOUT;
    GroupHandle group = stats.route(shape.method(), shape.route(), path, status);
    stats.recordRequest(
        group,
        status,
        outcome,
        isError,
        longs[l + Slots.DURATION],
        longs[l + Slots.BYTES_IN],
        longs[l + Slots.BYTES_OUT],
        time);
    return group;
  }

  private void countFunction(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    String name = (String) requireNonNull(refs[r + Slots.NAME]);
    boolean isError = Slots.has(longs[l + Slots.HEADER], Slots.IS_ERROR);
    stats.recordFunction(stats.function(name), isError, longs[l + Slots.DURATION], time);
  }

  private void countStatement(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    Shapes.Statement shape = (Shapes.Statement) requireNonNull(refs[r + Slots.SHAPE]);
    String query = shape.query();
    stats.recordStatement(
        stats.statement(shape.vendor(), query == null ? shape.operation() : query),
        Slots.has(longs[l + Slots.HEADER], Slots.IS_ERROR),
        longs[l + Slots.ROWS],
        longs[l + Slots.DURATION],
        time);
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
