// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.event.Outcome;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The numbers of one group of like work: a route, a function, a statement, or everything.
 *
 * <p>All of them describe the same events: those that ended in the window of the snapshot. Only
 * {@link #requestsPerSecond()} and {@link #spark()} look at the last minute alone.
 */
public final class GroupSnapshot {
  /** One-second bins of {@link #spark()}. */
  public static final int SPARK_BINS = 60;

  private final @Nullable GroupHandle handle;
  private final String kind;
  private final String name;
  private final long count;
  private final double requestsPerSecond;
  private final double windowRequestsPerSecond;
  private final @Nullable Latency latency;
  private final @Nullable Latency application;
  private final long totalNanos;
  private final int[] spark;
  private final long[] counters;
  private final int[] codes;

  GroupSnapshot(
      @Nullable GroupHandle handle,
      String kind,
      String name,
      long count,
      double requestsPerSecond,
      double windowRequestsPerSecond,
      @Nullable Latency latency,
      int[] spark,
      long[] counters,
      int[] codes) {
    this.handle = handle;
    this.kind = kind;
    this.name = name;
    this.count = count;
    this.requestsPerSecond = requestsPerSecond;
    this.windowRequestsPerSecond = windowRequestsPerSecond;
    this.latency = latency;
    application = latency;
    totalNanos = latency == null ? 0 : (long) (latency.meanNanos() * (double) count);
    this.spark = spark;
    this.counters = counters;
    this.codes = codes;
  }

  private GroupSnapshot(GroupSnapshot same, @Nullable Latency application) {
    handle = same.handle;
    kind = same.kind;
    name = same.name;
    count = same.count;
    requestsPerSecond = same.requestsPerSecond;
    windowRequestsPerSecond = same.windowRequestsPerSecond;
    latency = same.latency;
    this.application = application;
    totalNanos = same.totalNanos;
    spark = same.spark;
    counters = same.counters;
    codes = same.codes;
  }

  /**
   * What the group is a part of: the method of a route, the vendor of a statement, the reason of a
   * connection's end, or the empty string.
   */
  public String kind() {
    return kind;
  }

  /** Route template, function name or statement text; {@code other} beyond the limit. */
  public String name() {
    return name;
  }

  /** Events that ended in the window. */
  public long count() {
    return count;
  }

  /** Events of {@link #count()} that failed on the server's side. */
  public long errors() {
    return counters[Counters.ERRORS];
  }

  /** Failed part of all, 0 to 1; 0 when there was nothing. */
  public double errorRatio() {
    return count == 0 ? 0.0 : Math.min(1.0, (double) errors() / count);
  }

  /** Failed part of all, 0 to 100. */
  public double errorPct() {
    return errorRatio() * 100.0;
  }

  /** Events a second over the last 60 complete seconds, or since the start if that is less. */
  public double requestsPerSecond() {
    return requestsPerSecond;
  }

  /** Events a second over the complete seconds of the window, or since the start. */
  public double windowRequestsPerSecond() {
    return windowRequestsPerSecond;
  }

  /** How long they took, or null when there was nothing. */
  public @Nullable Latency latency() {
    return latency;
  }

  /**
   * How long requests took the application: {@link #latency()} without the time in which a response
   * waited for a client that took no more; of those requests of which that is known, and null if it
   * is of none. A route of which it was not known at first has none as long as its window has
   * those.
   */
  public @Nullable Latency application() {
    return application;
  }

  /** The same, of which the application took as long as this. */
  GroupSnapshot withApplication(@Nullable Latency known) {
    return new GroupSnapshot(this, known);
  }

  /** Time spent in all of them, in nanoseconds. */
  public long totalNanos() {
    return totalNanos;
  }

  /** Events in each of the last 60 complete seconds, oldest first. */
  public int[] spark() {
    return spark.clone();
  }

  /** Requests by the first digit of their status, 1 to 5, or 0 for those without a status. */
  public long statusClass(int firstDigit) {
    if (firstDigit < 0 || firstDigit > 5) {
      throw new IllegalArgumentException("firstDigit must be in [0, 5], was " + firstDigit);
    }
    return Counters.statusClass(counters, codes, count, firstDigit);
  }

  /**
   * Requests by exact status.
   *
   * <p>Ten codes besides 200 are told apart in each group; further ones are only in their class.
   */
  public SortedMap<Integer, Long> statusCodes() {
    TreeMap<Integer, Long> result = new TreeMap<>();
    Counters.statusCodes(counters, codes, count, result);
    return Collections.unmodifiableSortedMap(result);
  }

  /** Requests by how they ended; each outcome has a value. */
  public Map<Outcome, Long> outcomes() {
    EnumMap<Outcome, Long> result = new EnumMap<>(Outcome.class);
    for (Outcome outcome : Outcome.values()) {
      result.put(outcome, Counters.outcome(counters, count, outcome));
    }
    return Collections.unmodifiableMap(result);
  }

  /** Requests that ended in this way. */
  public long outcome(Outcome outcome) {
    return Counters.outcome(counters, count, outcome);
  }

  /** Body bytes received. */
  public long bytesIn() {
    return counters[Counters.IN];
  }

  /** Body bytes sent. */
  public long bytesOut() {
    return counters[Counters.OUT];
  }

  /** Rows that statements returned or changed; unknown ones count as none. */
  public long rows() {
    return counters[Counters.OUT];
  }

  /** Where it comes from, or null if it is a sum of several groups. */
  @Nullable GroupHandle handle() {
    return handle;
  }

  @Override
  public String toString() {
    return kind + " " + name + " count=" + count + " errors=" + errors();
  }

  /**
   * Durations in nanoseconds, each within 0.55 % of the exact one; the maximum is exact.
   *
   * @param p50Nanos half of the events took at most this
   * @param p90Nanos nine in ten took at most this
   * @param p95Nanos 95 in 100 took at most this
   * @param p99Nanos 99 in 100 took at most this
   * @param p999Nanos 999 in 1,000 took at most this
   * @param maxNanos the longest
   * @param meanNanos arithmetic mean
   */
  public record Latency(
      long p50Nanos,
      long p90Nanos,
      long p95Nanos,
      long p99Nanos,
      long p999Nanos,
      long maxNanos,
      long meanNanos) {}

  /** Numbers of several groups together. */
  static final class Sum {
    private static final int MAX_STATUS = 599;

    private final BucketCounts buckets = new BucketCounts();
    private final long[] counters = new long[Counters.CODE];
    private final long[] byStatus = new long[MAX_STATUS + 1];
    private final int[] spark = new int[SPARK_BINS];
    private long maxNanos;
    private long recent;
    private long complete;

    BucketCounts buckets() {
      return buckets;
    }

    static double rate(long count, double seconds) {
      return seconds <= 0 ? 0.0 : count / seconds;
    }

    /** The numbers as those of one group. */
    GroupSnapshot snapshot(String name, double recentSeconds, double windowSeconds) {
      int[] codes = new int[MAX_STATUS + 1];
      int used = 0;
      for (int status = 0; status < byStatus.length; status++) {
        if (byStatus[status] != 0) {
          codes[used++] = status;
        }
      }
      long[] all = Arrays.copyOf(counters, Counters.CODE + used);
      for (int i = 0; i < used; i++) {
        all[Counters.CODE + i] = byStatus[codes[i]];
      }
      return new GroupSnapshot(
          null,
          "",
          name,
          buckets.count(),
          rate(recent, recentSeconds),
          rate(complete, windowSeconds),
          buckets.latency(maxNanos),
          spark,
          all,
          Arrays.copyOf(codes, used));
    }

    void add(
        BucketCounts part,
        long[] partCounters,
        int[] codes,
        int[] partSpark,
        long max,
        long partRecent,
        long partComplete) {
      buckets.addAll(part);
      for (int i = 0; i < Counters.CODE; i++) {
        counters[i] += partCounters[i];
      }
      for (int i = 0; i < codes.length; i++) {
        if (codes[i] != 0) {
          byStatus[codes[i]] += partCounters[Counters.CODE + i];
        }
      }
      for (int i = 0; i < partSpark.length; i++) {
        spark[i] += partSpark[i];
      }
      maxNanos = Math.max(maxNanos, max);
      recent += partRecent;
      complete += partComplete;
    }
  }

  /**
   * Where each number besides the distribution stands in an array of counters.
   *
   * <p>The common case is not counted but derived: a request is 200 and completed unless one of
   * these says otherwise. So the common request costs one atomic addition, that of its latency
   * bucket.
   */
  static final class Counters {
    static final int ERRORS = 0;
    static final int IN = 1;
    static final int OUT = 2;

    /** Status classes whose exact code found no place; digit 0 is "no status". */
    static final int CLASS = 8;

    static final int CODE = 14;
    static final int CODE_SLOTS = 10;
    static final int SIZE = CODE + CODE_SLOTS;

    /** The outcomes other than COMPLETED. */
    private static final int OUTCOMES = 3;

    /** Connections that ended without a request; they have no outcomes. */
    static final int NEVER_USED = 7;

    private Counters() {}

    static long neverUsed(GroupSnapshot connections) {
      return connections.counters[NEVER_USED];
    }

    static int ofOutcome(Outcome outcome) {
      return switch (outcome) {
        case COMPLETED -> throw new IllegalArgumentException("COMPLETED is derived, not counted");
        case CLIENT_ABORT_BEFORE_HEADERS -> OUTCOMES;
        case CLIENT_ABORT_DURING_BODY -> OUTCOMES + 1;
        case SERVER_TIMEOUT -> OUTCOMES + 2;
        case APP_ERROR -> OUTCOMES + 3;
        case REJECTED -> OUTCOMES + 4;
      };
    }

    static int ofClass(int status) {
      return status >= 100 && status < 600 ? CLASS + status / 100 : CLASS;
    }

    static long outcome(long[] counters, long count, Outcome outcome) {
      if (outcome != Outcome.COMPLETED) {
        return counters[ofOutcome(outcome)];
      }
      long completed = count;
      for (int i = OUTCOMES; i < CLASS; i++) {
        completed -= counters[i];
      }
      return Math.max(0, completed);
    }

    static long statusClass(long[] counters, int[] codes, long count, int firstDigit) {
      long sum = counters[CLASS + firstDigit];
      for (int i = 0; i < codes.length; i++) {
        if (codes[i] / 100 == firstDigit && codes[i] != 0) {
          sum += counters[CODE + i];
        }
      }
      return firstDigit == 2 ? sum + ok(counters, count) : sum;
    }

    static void statusCodes(long[] counters, int[] codes, long count, Map<Integer, Long> into) {
      long ok = ok(counters, count);
      if (ok > 0) {
        into.put(200, ok);
      }
      for (int i = 0; i < codes.length; i++) {
        if (codes[i] != 0 && counters[CODE + i] > 0) {
          into.put(codes[i], counters[CODE + i]);
        }
      }
    }

    private static long ok(long[] counters, long count) {
      long ok = count;
      for (int i = CLASS; i < counters.length; i++) {
        ok -= counters[i];
      }
      return Math.max(0, ok);
    }
  }
}
