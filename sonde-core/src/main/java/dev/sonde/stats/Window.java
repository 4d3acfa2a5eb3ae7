// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.stats.BucketCounts.Slice;
import dev.sonde.stats.GroupHandle.Budget;
import dev.sonde.stats.GroupHandle.Timeline;
import dev.sonde.stats.GroupSnapshot.Counters;
import dev.sonde.stats.GroupSnapshot.Sum;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The counts of one group over the window; for the holder of the group's lock. */
final class Window {
  /*
   * The total is kept as events come and slots expire, so that the full window, which is read most,
   * is read in one pass over its octaves, however many slots there are. It always is the running
   * slot and all slices together.
   */
  private static final int SECONDS = 64;

  /** Slices that a group keeps when memory is short, and when there is none left. */
  private static final int FEW_SLICES = 4;

  private static final int FEWEST_SLICES = 2;
  private static final int MAX_MERGES = 4;

  /** This, the total without its pages, both counters, the seconds, the list, the running slot. */
  private static final int OBJECT_BYTES =
      80
          + BucketCounts.OBJECT_BYTES
          + 2 * (16 + Counters.SIZE * Long.BYTES)
          + (16 + SECONDS * Integer.BYTES)
          + 64
          + RunningSlot.OBJECT_BYTES;

  private final Timeline timeline;
  private final Budget budget;

  /** Whether there is room for it in any case. */
  private final boolean isPermanent;

  private final BucketCounts total = new BucketCounts();
  private final long[] totalCounters = new long[Counters.SIZE];
  private final RunningSlot running = new RunningSlot();

  /** Oldest first. */
  private final List<Slice> slices = new ArrayList<>(2);

  private final int[] seconds = new int[SECONDS];
  private int lastSecond;
  private int slotNow;
  private long closedMax;
  private long octaves;
  private long heldBytes;
  private boolean isHot;

  Window(Timeline timeline, Budget budget, int slotNow, boolean isPermanent) {
    this.timeline = timeline;
    this.budget = budget;
    this.isPermanent = isPermanent;
    this.slotNow = slotNow;
    budget.windowMade();
    hold(OBJECT_BYTES);
  }

  /** Gives its bytes back; it is used no more. */
  void release() {
    hold(-heldBytes);
    budget.windowReleased();
  }

  int slotNow() {
    return slotNow;
  }

  BucketCounts total() {
    return total;
  }

  /** Makes room for an octave; false if memory is full. */
  boolean prepare(int octave) {
    if ((octaves & (1L << octave)) != 0) {
      return true;
    }
    // Room for the running slot's page as well, which is made and given back as traffic goes.
    if (!isPermanent && !budget.hasRoomFor(2L * BucketCounts.PAGE_BYTES)) {
      return false;
    }
    octaves |= 1L << octave;
    total.prepare(octave);
    hold(BucketCounts.PAGE_BYTES + (running.pages == null ? 0 : BucketCounts.PAGE_BYTES));
    return true;
  }

  /** Counts events of a second, in the seconds only. */
  void addSecond(int second, long count) {
    if (second - lastSecond >= SECONDS) {
      Arrays.fill(seconds, 0);
      lastSecond = second;
    }
    while (lastSecond < second) {
      lastSecond++;
      seconds[lastSecond % SECONDS] = 0;
    }
    if (second > lastSecond - SECONDS) {
      int i = second % SECONDS;
      seconds[i] = (int) Math.min(Integer.MAX_VALUE, seconds[i] + count);
    }
  }

  int countOf(int second) {
    boolean isKept = second >= 0 && second <= lastSecond && second > lastSecond - SECONDS;
    return isKept ? seconds[second % SECONDS] : 0;
  }

  /** Counts events of the running slot. */
  void add(int bucket, long n) {
    total.add(bucket, n);
    if (!running.add(bucket, n)) {
      // Without memory for pages the slot is closed in two pieces. One that is permanent takes all
      // events that find no memory: its pieces would be many more than its pages.
      if (isPermanent || n > RunningSlot.MAX_LISTED || budget.hasRoomFor(runningPagesBytes())) {
        spill();
      } else {
        close();
      }
      running.add(bucket, n);
    }
  }

  /** Counts the running slot in pages from now on; false if memory is short. */
  boolean makeHot() {
    if (budget.isTight()) {
      return false;
    }
    isHot = true;
    if (running.pages == null) {
      spill();
    }
    return true;
  }

  /** Adds to a counter of the running slot. */
  void addCounter(int counter, long n) {
    running.counters[counter] += n;
    totalCounters[counter] += n;
  }

  void raiseMax(long nanos) {
    running.maxNanos = Math.max(running.maxNanos, nanos);
  }

  /** Adds counts to a slot that is closed; those from before the window are left out. */
  void addPast(int slot, BucketCounts buckets, long[] counters, long max) {
    if (slot < slotNow - timeline.slots()) {
      return;
    }
    int at = 0;
    while (at < slices.size() && slices.get(at).lastSlot < slot) {
      at++;
    }
    Slice old = null;
    int first = slot;
    int last = slot;
    long newMax = max;
    if (at < slices.size() && slices.get(at).firstSlot <= slot) {
      old = slices.get(at);
      old.addTo(buckets, counters, 1);
      first = old.firstSlot;
      last = old.lastSlot;
      newMax = Math.max(max, old.maxNanos);
    }
    // What may lack memory comes first: the slices and their total change together or not at all.
    Slice slice = Slice.of(first, last, newMax, counters, buckets);
    if (old == null) {
      slices.add(at, slice);
    } else {
      slices.set(at, slice);
      old.addTo(total, totalCounters, -1);
      hold(-old.bytes());
    }
    total.addAll(buckets);
    for (int i = 0; i < counters.length; i++) {
      totalCounters[i] += counters[i];
    }
    closedMax = Math.max(closedMax, newMax);
    hold(slice.bytes());
  }

  /** Closes the running slot and forgets what is older than the window. */
  void advanceTo(int slot) {
    if (slot <= slotNow) {
      return;
    }
    close();
    slotNow = slot;
    expireBefore(slot - timeline.slots());
    for (int merges = 0; mustThin(merges); merges++) {
      mergeFinest();
    }
  }

  /**
   * Its numbers, or null if there are none.
   *
   * @param slots closed slots to look back, besides the running one
   * @param sum what to add the numbers to
   */
  @Nullable GroupSnapshot snapshot(
      GroupHandle handle, int[] codes, int secondNow, int slots, Sum sum) {
    BucketCounts buckets = total;
    long[] counters = totalCounters;
    long max = Math.max(closedMax, running.maxNanos);
    int firstSlot = Math.max(0, slotNow - slots);
    if (slots < timeline.slots()) {
      buckets = new BucketCounts();
      counters = new long[Counters.SIZE];
      max = running.maxNanos;
      running.addTo(buckets, counters);
      for (int i = slices.size() - 1; i >= 0 && slices.get(i).lastSlot >= slotNow - slots; i--) {
        Slice slice = slices.get(i);
        slice.addTo(buckets, counters, 1);
        max = Math.max(max, slice.maxNanos);
        firstSlot = Math.min(firstSlot, slice.firstSlot);
      }
    } else if (!slices.isEmpty()) {
      firstSlot = Math.min(firstSlot, slices.get(0).firstSlot);
    }
    if (buckets.count() == 0) {
      return null;
    }
    int[] spark = new int[GroupSnapshot.SPARK_BINS];
    int sparkStart = secondNow - spark.length;
    long recent = 0;
    int end = Math.min(secondNow, lastSecond + 1);
    for (int s = Math.max(sparkStart, Math.max(0, lastSecond - SECONDS + 1)); s < end; s++) {
      int n = seconds[s % SECONDS];
      spark[s - sparkStart] = n;
      recent += n;
    }
    long unfinished = 0;
    for (int second = secondNow; second <= lastSecond; second++) {
      unfinished += countOf(second);
    }
    long complete = Math.max(0, buckets.count() - unfinished);
    sum.add(buckets, counters, codes, spark, max, recent, complete);
    double covered = secondNow - (double) firstSlot * timeline.slotSeconds();
    return new GroupSnapshot(
        handle,
        handle.kind(),
        handle.name(),
        buckets.count(),
        Sum.rate(recent, Math.min(secondNow, GroupSnapshot.SPARK_BINS)),
        Sum.rate(complete, covered),
        buckets.latency(max),
        spark,
        counters == totalCounters ? counters.clone() : counters,
        codes);
  }

  /** Adds the distribution over the running slot and so many before it. */
  void addTo(BucketCounts buckets, int slots) {
    if (slots >= timeline.slots()) {
      buckets.addAll(total);
      return;
    }
    long[] unused = new long[Counters.SIZE];
    running.addTo(buckets, unused);
    for (int i = slices.size() - 1; i >= 0 && slices.get(i).lastSlot >= slotNow - slots; i--) {
      slices.get(i).addTo(buckets, unused, 1);
    }
  }

  private void spill() {
    running.spill();
    hold(runningPagesBytes());
  }

  private void close() {
    long count = running.count();
    Slice slice = running.close(slotNow);
    if (slice == null) {
      return;
    }
    closedMax = Math.max(closedMax, slice.maxNanos);
    slices.add(slice);
    hold(slice.bytes());
    if (running.pages != null && !isHot && count <= RunningSlot.MAX_LISTED) {
      running.pages = null;
      hold(-runningPagesBytes());
    }
  }

  private long runningPagesBytes() {
    return BucketCounts.OBJECT_BYTES + (long) Long.bitCount(octaves) * BucketCounts.PAGE_BYTES;
  }

  private void expireBefore(int slot) {
    int expired = 0;
    while (expired < slices.size() && slices.get(expired).lastSlot < slot) {
      Slice slice = slices.get(expired);
      slice.addTo(total, totalCounters, -1);
      hold(-slice.bytes());
      expired++;
    }
    if (expired > 0) {
      slices.subList(0, expired).clear();
      closedMax = 0;
      for (Slice slice : slices) {
        closedMax = Math.max(closedMax, slice.maxNanos);
      }
    }
  }

  private boolean mustThin(int merges) {
    if (slices.size() <= FEW_SLICES) {
      return slices.size() > FEWEST_SLICES && budget.isFull();
    }
    boolean isAboveItsShare = budget.isTight() && heldBytes > budget.fairBytes();
    return budget.isFull() || (merges < MAX_MERGES && isAboveItsShare);
  }

  /** Makes one slice of the two neighbours that cover the shortest time, the oldest of these. */
  private void mergeFinest() {
    int at = 0;
    int shortest = Integer.MAX_VALUE;
    for (int i = 0; i + 1 < slices.size(); i++) {
      int span = slices.get(i + 1).lastSlot - slices.get(i).firstSlot;
      if (span < shortest) {
        shortest = span;
        at = i;
      }
    }
    Slice older = slices.get(at);
    Slice newer = slices.get(at + 1);
    BucketCounts buckets = new BucketCounts();
    long[] counters = new long[Counters.SIZE];
    older.addTo(buckets, counters, 1);
    newer.addTo(buckets, counters, 1);
    long max = Math.max(older.maxNanos, newer.maxNanos);
    Slice both = Slice.of(older.firstSlot, newer.lastSlot, max, counters, buckets);
    slices.set(at, both);
    slices.remove(at + 1);
    hold(both.bytes() - older.bytes() - newer.bytes());
  }

  private void hold(long bytes) {
    heldBytes += bytes;
    budget.hold(bytes);
  }

  /**
   * The slot of time that events are counted in now.
   *
   * <p>Most groups see a few dozen events in a slot: a list of their buckets is much smaller than
   * pages of counts. A busier one spills into pages.
   */
  private static final class RunningSlot {
    static final int MAX_LISTED = 128;

    /** This and the longest list. */
    static final int OBJECT_BYTES = 48 + 16 + MAX_LISTED * Short.BYTES;

    private static final int FIRST_LISTED = 16;
    private static final long[] NO_COUNTERS = new long[Counters.SIZE];

    private final long[] counters = new long[Counters.SIZE];
    private short[] list = new short[FIRST_LISTED];
    private int listed;
    private @Nullable BucketCounts pages;
    private long maxNanos;

    long count() {
      return listed + (pages == null ? 0 : pages.count());
    }

    /** False if there is no room. */
    boolean add(int bucket, long n) {
      BucketCounts counts = pages;
      if (counts != null) {
        counts.add(bucket, n);
        return true;
      }
      if (n > MAX_LISTED - listed) {
        return false;
      }
      if (listed + n > list.length) {
        list = Arrays.copyOf(list, Math.max(listed + (int) n, 2 * list.length));
      }
      Arrays.fill(list, listed, listed + (int) n, (short) bucket);
      listed += (int) n;
      return true;
    }

    void spill() {
      BucketCounts counts = new BucketCounts();
      addListedTo(counts);
      listed = 0;
      pages = counts;
    }

    void addTo(BucketCounts buckets, long[] intoCounters) {
      addListedTo(buckets);
      if (pages != null) {
        buckets.addAll(pages);
      }
      for (int i = 0; i < counters.length; i++) {
        intoCounters[i] += counters[i];
      }
    }

    /** What it held, or null if that was nothing; it is empty afterwards. */
    @Nullable Slice close(int slot) {
      BucketCounts counts = pages;
      if (count() == 0 && Arrays.equals(counters, NO_COUNTERS)) {
        return null;
      }
      Slice slice;
      if (counts == null) {
        Arrays.sort(list, 0, listed);
        slice = Slice.of(slot, slot, maxNanos, counters, list, listed);
      } else {
        slice = Slice.of(slot, slot, maxNanos, counters, counts);
        counts.clear();
      }
      listed = 0;
      Arrays.fill(counters, 0);
      maxNanos = 0;
      return slice;
    }

    private void addListedTo(BucketCounts buckets) {
      for (int i = 0; i < listed; i++) {
        buckets.add(list[i], 1);
      }
    }
  }
}
