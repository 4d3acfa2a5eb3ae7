// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.util.Arrays;

/**
 * A distribution of durations in exponential buckets of scale {@value #SCALE}.
 *
 * <p>The buckets are those of OpenTelemetry's exponential histogram and of Prometheus' native one:
 * bucket {@code i} holds {@code base^i < seconds <= base^(i+1)} with {@code base = 2^(1/64)}. Every
 * quantile is within 0.55 % of the exact one, whatever the data and however it was merged.
 */
public final class Sketch {
  /** 64 buckets per power of two: the coarsest scale that keeps every quantile within 1 %. */
  public static final int SCALE = 6;

  private static final Sketch EMPTY = new Sketch(0, new long[0]);

  private final int offset;
  private final long[] counts;
  private final long count;

  private Sketch(int offset, long[] counts) {
    this.offset = offset;
    this.counts = counts;
    count = Arrays.stream(counts).sum();
  }

  /** The sketch of nothing. */
  public static Sketch empty() {
    return EMPTY;
  }

  /**
   * A sketch with these counts; zeros at the ends are left out.
   *
   * @param offset index of the first bucket
   */
  public static Sketch of(int offset, long[] counts) {
    int from = 0;
    int to = counts.length;
    while (from < to && counts[from] == 0) {
      from++;
    }
    while (to > from && counts[to - 1] == 0) {
      to--;
    }
    return from == to ? EMPTY : new Sketch(offset + from, Arrays.copyOfRange(counts, from, to));
  }

  /** Events in it. */
  public long count() {
    return count;
  }

  /** Index of the first bucket in {@link #counts()}; 0 when empty. */
  public int offset() {
    return offset;
  }

  /** Counts of consecutive buckets, the first and the last of which are not 0. */
  public long[] counts() {
    return counts.clone();
  }

  /** Both together; order does not matter. */
  public Sketch merge(Sketch other) {
    return combine(other, 1);
  }

  /** This without {@code part}, which must have been merged into it before. */
  public Sketch subtract(Sketch part) {
    return combine(part, -1);
  }

  /**
   * Duration in nanoseconds that {@code q} of the events did not exceed, or -1 when empty.
   *
   * @param q 0 to 1; the answer is for the event of rank ceil(q x count)
   */
  public long quantileNanos(double q) {
    if (!(q >= 0 && q <= 1)) {
      throw new IllegalArgumentException("q must be in [0, 1], was " + q);
    }
    if (count == 0) {
      return -1;
    }
    long rank = Math.max(1, (long) Math.ceil(q * count));
    long seen = 0;
    int i = -1;
    while (seen < rank) {
      seen += counts[++i];
    }
    return Math.round(Buckets.middleNanos(offset + i));
  }

  /** Arithmetic mean in nanoseconds, within 0.55 %, or -1 when empty. */
  public double meanNanos() {
    double sum = 0;
    for (int i = 0; i < counts.length; i++) {
      sum += counts[i] * Buckets.middleNanos(offset + i);
    }
    return count == 0 ? -1 : sum / count;
  }

  /** Longest duration in nanoseconds that belongs to this bucket. */
  public static double upperNanos(int bucket) {
    return Buckets.upperNanos(bucket);
  }

  private Sketch combine(Sketch other, int sign) {
    if (other.count == 0) {
      return this;
    }
    int from = count == 0 ? other.offset : Math.min(offset, other.offset);
    int to = Math.max(offset + counts.length, other.offset + other.counts.length);
    long[] sum = new long[to - from];
    System.arraycopy(counts, 0, sum, count == 0 ? 0 : offset - from, counts.length);
    for (int i = 0; i < other.counts.length; i++) {
      int at = other.offset - from + i;
      sum[at] += sign * other.counts[i];
      if (sum[at] < 0) {
        throw new IllegalArgumentException(
            "part must have been merged before, but bucket " + (from + at) + " has fewer events");
      }
    }
    return of(from, sum);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Sketch that
        && offset == that.offset
        && Arrays.equals(counts, that.counts);
  }

  @Override
  public int hashCode() {
    return 31 * offset + Arrays.hashCode(counts);
  }

  @Override
  public String toString() {
    return "Sketch[scale=" + SCALE + ", count=" + count + "]";
  }
}
