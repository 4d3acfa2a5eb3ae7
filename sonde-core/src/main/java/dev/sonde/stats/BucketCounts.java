// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Counts of the buckets of {@link Buckets}, kept an octave at a time; for one thread at a time.
 *
 * <p>A route spans a few octaves, so most pages are never made. A count is an int until it
 * overflows, and then has its upper half on a second page.
 */
final class BucketCounts {
  /** Without its pages. */
  static final int OBJECT_BYTES = 32 + 16 + Buckets.OCTAVES * 4;

  /*
   * Behind its counts a page holds their sum and that of their durations, as longs of two halves.
   * So percentiles and mean are found by looking at few of the pages, and into fewer: a snapshot
   * asks for them a thousand times, of memory that is in no cache.
   */
  private static final int SUM = Buckets.PER_OCTAVE;

  private static final int WEIGHT = SUM + 2;
  private static final int PAGE_LENGTH = WEIGHT + 2;

  static final int PAGE_BYTES = 16 + PAGE_LENGTH * Integer.BYTES;

  private static final long LOW = 0xffff_ffffL;
  private static final double[] QUANTILES = {0.50, 0.90, 0.95, 0.99, 0.999};

  private final int[] @Nullable [] low = new int[Buckets.OCTAVES][];
  private int @Nullable [] @Nullable [] high;
  private long count;

  /** Sum of all counts. */
  long count() {
    return count;
  }

  /** Makes the page of an octave, so that a later {@link #add} allocates nothing. */
  void prepare(int octave) {
    page(octave);
  }

  /** Adds {@code n}, which may be negative if as many were added before. */
  void add(int slot, long n) {
    int octave = slot / Buckets.PER_OCTAVE;
    int i = slot % Buckets.PER_OCTAVE;
    int[] page = page(octave);
    long sum = (page[i] & LOW) + n;
    page[i] = (int) sum;
    count += n;
    addLong(page, SUM, n);
    addLong(page, WEIGHT, n * Buckets.weightInOctave(i));
    if (sum >>> Integer.SIZE != 0) {
      carry(octave, i, (int) (sum >> Integer.SIZE));
    }
  }

  long at(int slot) {
    int octave = slot / Buckets.PER_OCTAVE;
    int i = slot % Buckets.PER_OCTAVE;
    int[] page = low[octave];
    return page == null ? 0 : (page[i] & LOW) + ((long) upper(octave, i) << Integer.SIZE);
  }

  void addAll(BucketCounts other) {
    boolean sumFits = count + other.count <= LOW;
    for (int octave = 0; octave < Buckets.OCTAVES; octave++) {
      int[] page = other.low[octave];
      if (page == null) {
        continue;
      }
      int[] mine = page(octave);
      addLong(mine, SUM, longAt(page, SUM));
      addLong(mine, WEIGHT, longAt(page, WEIGHT));
      if (sumFits) {
        // Without a carry, so that the compiler can add several at a time.
        for (int i = 0; i < Buckets.PER_OCTAVE; i++) {
          mine[i] += page[i];
        }
        continue;
      }
      for (int i = 0; i < Buckets.PER_OCTAVE; i++) {
        long n = page[i] & LOW;
        long sum = (mine[i] & LOW) + n;
        mine[i] = (int) sum;
        if (sum >>> Integer.SIZE != 0) {
          carry(octave, i, 1);
        }
      }
    }
    count += other.count;
    if (other.high != null) {
      addUpper(other);
    }
  }

  /** Takes these away, as far as they are there; returns how many that were. */
  long removeAll(BucketCounts other) {
    long removed = 0;
    for (int slot = 0; slot < Buckets.COUNT; slot++) {
      long n = Math.min(at(slot), other.at(slot));
      if (n > 0) {
        add(slot, -n);
        removed += n;
      }
    }
    return removed;
  }

  /** The longest duration, as exact as its bucket, or 0. */
  long longestNanos() {
    for (int slot = Buckets.COUNT - 1; slot >= 0; slot--) {
      if (at(slot) > 0) {
        return Math.round(Buckets.middleOfSlot(slot));
      }
    }
    return 0;
  }

  /** Sets all counts to 0 and keeps the pages. */
  void clear() {
    for (int[] page : low) {
      if (page != null) {
        Arrays.fill(page, 0);
      }
    }
    high = null;
    count = 0;
  }

  /**
   * Percentiles, mean and maximum.
   *
   * @param maxNanos the longest duration, which no percentile exceeds
   */
  GroupSnapshot.@Nullable Latency latency(long maxNanos) {
    if (count == 0) {
      return null;
    }
    long[] values = new long[QUANTILES.length];
    int found = 0;
    long next = rank(0);
    long seen = 0;
    double sum = 0;
    for (int octave = 0; octave < Buckets.OCTAVES; octave++) {
      int[] page = low[octave];
      if (page == null) {
        continue;
      }
      sum += longAt(page, WEIGHT) * Buckets.nanosOfWeight(octave);
      long n = longAt(page, SUM);
      long upTo = seen;
      int bucket = octave * Buckets.PER_OCTAVE - 1;
      while (next <= seen + n) {
        while (upTo < next) {
          bucket++;
          upTo += at(bucket);
        }
        values[found++] = Math.min(maxNanos, Math.round(Buckets.middleOfSlot(bucket)));
        next = found < values.length ? rank(found) : Long.MAX_VALUE;
      }
      seen += n;
    }
    long mean = Math.min(maxNanos, Math.round(sum / count));
    return new GroupSnapshot.Latency(
        values[0], values[1], values[2], values[3], values[4], maxNanos, mean);
  }

  Sketch toSketch() {
    long[] counts = new long[Buckets.COUNT];
    for (int slot = 0; slot < counts.length; slot++) {
      counts[slot] = at(slot);
    }
    return Sketch.of(Buckets.MIN, counts);
  }

  private long rank(int quantile) {
    return Math.max(1, (long) Math.ceil(QUANTILES[quantile] * count));
  }

  private int[] page(int octave) {
    int[] page = low[octave];
    if (page == null) {
      page = new int[PAGE_LENGTH];
      low[octave] = page;
    }
    return page;
  }

  private static long longAt(int[] page, int i) {
    return (page[i] & LOW) | (long) page[i + 1] << Integer.SIZE;
  }

  private static void addLong(int[] page, int i, long n) {
    long sum = longAt(page, i) + n;
    page[i] = (int) sum;
    page[i + 1] = (int) (sum >>> Integer.SIZE);
  }

  private int upper(int octave, int i) {
    if (high == null) {
      return 0;
    }
    int[] page = high[octave];
    return page == null ? 0 : page[i];
  }

  private void carry(int octave, int i, int n) {
    if (high == null) {
      high = new int[Buckets.OCTAVES][];
    }
    int[] page = high[octave];
    if (page == null) {
      page = new int[Buckets.PER_OCTAVE];
      high[octave] = page;
    }
    page[i] += n;
  }

  private void addUpper(BucketCounts other) {
    for (int octave = 0; octave < Buckets.OCTAVES; octave++) {
      for (int i = 0; i < Buckets.PER_OCTAVE; i++) {
        int n = other.upper(octave, i);
        if (n != 0) {
          carry(octave, i, n);
        }
      }
    }
  }

  /**
   * The closed counts of one group over one or more slots of time, packed and immutable.
   *
   * <p>Most buckets of a slot hold one event, so that case takes one byte: a variable-length number
   * tells how many empty buckets come before, and its lowest bit whether a count follows.
   */
  static final class Slice {
    private static final int OBJECT_BYTES = 56;

    final int firstSlot;
    final int lastSlot;
    final long maxNanos;
    private final byte[] packed;

    private Slice(int firstSlot, int lastSlot, long maxNanos, byte[] packed) {
      this.firstSlot = firstSlot;
      this.lastSlot = lastSlot;
      this.maxNanos = maxNanos;
      this.packed = packed;
    }

    static Slice of(
        int firstSlot, int lastSlot, long maxNanos, long[] counters, BucketCounts buckets) {
      Packer size = new Packer(null);
      size.pack(counters, buckets);
      Packer packer = new Packer(new byte[size.length]);
      packer.pack(counters, buckets);
      return new Slice(firstSlot, lastSlot, maxNanos, packer.packed());
    }

    /** A slice of events that are told one by one, by the first {@code n} of a sorted list. */
    static Slice of(
        int firstSlot, int lastSlot, long maxNanos, long[] counters, short[] sorted, int n) {
      Packer size = new Packer(null);
      size.pack(counters, sorted, n);
      Packer packer = new Packer(new byte[size.length]);
      packer.pack(counters, sorted, n);
      return new Slice(firstSlot, lastSlot, maxNanos, packer.packed());
    }

    int bytes() {
      return OBJECT_BYTES + packed.length;
    }

    /** Adds these counts, or takes them away if {@code sign} is -1. */
    void addTo(BucketCounts buckets, long[] counters, int sign) {
      Unpacker in = new Unpacker(packed);
      for (long i = in.next(); i > 0; i--) {
        int counter = (int) in.next();
        counters[counter] += sign * in.next();
      }
      int slot = -1;
      while (in.hasNext()) {
        long token = in.next();
        slot += 1 + (int) (token >>> 1);
        buckets.add(slot, (token & 1) == 0 ? sign : sign * (in.next() + 2));
      }
    }
  }

  private static final class Packer {
    private final byte @Nullable [] bytes;
    private int length;
    private int previous = -1;

    /** Packs into these bytes, or only counts them if there are none. */
    Packer(byte @Nullable [] bytes) {
      this.bytes = bytes;
    }

    byte[] packed() {
      return Objects.requireNonNull(bytes);
    }

    void pack(long[] counters, BucketCounts buckets) {
      put(counters);
      for (int octave = 0; octave < Buckets.OCTAVES; octave++) {
        int first = octave * Buckets.PER_OCTAVE;
        for (int i = 0; i < Buckets.PER_OCTAVE && buckets.low[octave] != null; i++) {
          long n = buckets.at(first + i);
          if (n != 0) {
            put(first + i, n);
          }
        }
      }
    }

    void pack(long[] counters, short[] sorted, int length) {
      put(counters);
      int i = 0;
      while (i < length) {
        int from = i;
        while (i < length && sorted[i] == sorted[from]) {
          i++;
        }
        put(sorted[from], i - from);
      }
    }

    private void put(long[] counters) {
      int used = 0;
      for (long counter : counters) {
        used += counter == 0 ? 0 : 1;
      }
      put(used);
      for (int i = 0; i < counters.length; i++) {
        if (counters[i] != 0) {
          put(i);
          put(counters[i]);
        }
      }
    }

    private void put(int slot, long n) {
      long gap = (long) (slot - previous - 1) << 1;
      put(n == 1 ? gap : gap | 1);
      if (n != 1) {
        put(n - 2);
      }
      previous = slot;
    }

    private void put(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        putByte((int) (rest & 0x7f) | 0x80);
        rest >>>= 7;
      }
      putByte((int) rest);
    }

    private void putByte(int value) {
      if (bytes != null) {
        bytes[length] = (byte) value;
      }
      length++;
    }
  }

  private static final class Unpacker {
    private final byte[] bytes;
    private int position;

    Unpacker(byte[] bytes) {
      this.bytes = bytes;
    }

    boolean hasNext() {
      return position < bytes.length;
    }

    long next() {
      long value = 0;
      int shift = 0;
      byte b;
      do {
        b = bytes[position++];
        value |= (long) (b & 0x7f) << shift;
        shift += 7;
      } while (b < 0);
      return value;
    }
  }
}
