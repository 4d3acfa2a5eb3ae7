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
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The counts of one group over the window; for the holder of the group's lock. */
final class Window {
  /*
   * The total is kept, so that the full window, which is read most, is read in one pass over its
   * octaves, however many slots there are. It is all slices and the running slot together, but for
   * events that are only listed yet: they are brought in when somebody reads, the slot ends or the
   * list is full. Of many groups that take turns none has its pages in a cache, so an event that
   * touched them by itself would mostly wait for memory.
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

  /** Of the slices alone. */
  private final long[] closedCounters = new long[Counters.SIZE];

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
    running.bringInto(total);
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
    if (n > 1 && running.pages != null) {
      running.addToPages(bucket, n, total);
      return;
    }
    if (running.list(bucket, n)) {
      return;
    }
    if (running.pages == null) {
      // Without memory for pages the slot is closed in two pieces. One that is permanent takes all
      // events that find no memory: its pieces would be many more than its pages.
      if (isPermanent || n > RunningSlot.MAX_LISTED || budget.hasRoomFor(runningPagesBytes())) {
        spill();
      } else {
        close();
      }
    } else {
      running.bringInto(total);
    }
    if (!running.list(bucket, n)) {
      running.addToPages(bucket, n, total);
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
      old.addTo(total, closedCounters, -1);
      hold(-old.bytes());
    }
    total.addAll(buckets);
    for (int i = 0; i < counters.length; i++) {
      closedCounters[i] += counters[i];
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
    BucketCounts buckets = total();
    long[] counters = new long[Counters.SIZE];
    long max = Math.max(closedMax, running.maxNanos);
    int firstSlot = Math.max(0, slotNow - slots);
    if (slots < timeline.slots()) {
      buckets = new BucketCounts();
      max = running.maxNanos;
      running.addTo(buckets);
      for (int i = slices.size() - 1; i >= 0 && slices.get(i).lastSlot >= slotNow - slots; i--) {
        Slice slice = slices.get(i);
        slice.addTo(buckets, counters, 1);
        max = Math.max(max, slice.maxNanos);
        firstSlot = Math.min(firstSlot, slice.firstSlot);
      }
    } else {
      System.arraycopy(closedCounters, 0, counters, 0, counters.length);
      firstSlot = slices.isEmpty() ? firstSlot : Math.min(firstSlot, slices.get(0).firstSlot);
    }
    if (buckets.count() == 0) {
      return null;
    }
    for (int i = 0; i < counters.length; i++) {
      counters[i] += running.counters[i];
    }
    int[] spark = spark(secondNow);
    long recent = 0;
    for (int n : spark) {
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
        counters,
        codes);
  }

  /** Events in each second before this one, oldest first. */
  private int[] spark(int secondNow) {
    int[] spark = new int[GroupSnapshot.SPARK_BINS];
    int start = secondNow - spark.length;
    int from = Math.max(start, Math.max(0, lastSecond - SECONDS + 1));
    int end = Math.min(secondNow, lastSecond + 1);
    if (from < end) {
      // In one piece or, where the ring ends in between, in two.
      int first = from % SECONDS;
      int length = Math.min(end - from, SECONDS - first);
      System.arraycopy(seconds, first, spark, from - start, length);
      System.arraycopy(seconds, 0, spark, from - start + length, end - from - length);
    }
    return spark;
  }

  /** Adds the distribution over the running slot and so many before it. */
  void addTo(BucketCounts buckets, int slots) {
    if (slots >= timeline.slots()) {
      buckets.addAll(total());
      return;
    }
    long[] unused = new long[Counters.SIZE];
    running.addTo(buckets);
    for (int i = slices.size() - 1; i >= 0 && slices.get(i).lastSlot >= slotNow - slots; i--) {
      slices.get(i).addTo(buckets, unused, 1);
    }
  }

  private void spill() {
    running.spill(total);
    hold(runningPagesBytes());
  }

  private void close() {
    running.bringInto(total);
    Slice slice = running.slice(slotNow);
    if (slice == null) {
      return;
    }
    slices.add(slice);
    hold(slice.bytes());
    for (int i = 0; i < closedCounters.length; i++) {
      closedCounters[i] += running.counters[i];
    }
    closedMax = Math.max(closedMax, slice.maxNanos);
    if (running.pages != null && !isHot && running.count() <= RunningSlot.MAX_LISTED) {
      running.pages = null;
      hold(-runningPagesBytes());
    }
    running.clear();
  }

  private long runningPagesBytes() {
    return BucketCounts.OBJECT_BYTES + (long) Long.bitCount(octaves) * BucketCounts.PAGE_BYTES;
  }

  private void expireBefore(int slot) {
    int expired = 0;
    while (expired < slices.size() && slices.get(expired).lastSlot < slot) {
      Slice slice = slices.get(expired);
      slice.addTo(total, closedCounters, -1);
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
   * pages of counts. A busier one spills into pages, and lists only what has yet to come there.
   */
  private static final class RunningSlot {
    static final int MAX_LISTED = 128;

    /** This and the longest list. */
    static final int OBJECT_BYTES = 56 + 16 + MAX_LISTED * Short.BYTES;

    private static final int FIRST_LISTED = 16;
    private static final long[] NO_COUNTERS = new long[Counters.SIZE];

    private final long[] counters = new long[Counters.SIZE];
    private short[] list = new short[FIRST_LISTED];
    private int listed;

    /** Of those listed, the first ones that are in the total already. */
    private int broughtIn;

    private @Nullable BucketCounts pages;
    private long maxNanos;

    long count() {
      return listed + (pages == null ? 0 : pages.count());
    }

    /** Lists events; false if there is no room. */
    boolean list(int bucket, long n) {
      if (n > MAX_LISTED - listed) {
        return false;
      }
      int end = listed + (int) n;
      if (end > list.length) {
        list = Arrays.copyOf(list, Math.max(end, 2 * list.length));
      }
      for (int i = listed; i < end; i++) {
        list[i] = (short) bucket;
      }
      listed = end;
      return true;
    }

    /** Counts more events than can be listed. */
    void addToPages(int bucket, long n, BucketCounts total) {
      Objects.requireNonNull(pages).add(bucket, n);
      total.add(bucket, n);
    }

    /** Brings events into the total, and the pages, that are only listed yet. */
    void bringInto(BucketCounts total) {
      BucketCounts counts = pages;
      // One by one, so that each is in both or in none if memory should be lacking.
      while (counts != null && listed > 0) {
        counts.add(list[listed - 1], 1);
        total.add(list[listed - 1], 1);
        listed--;
      }
      for (; broughtIn < listed; broughtIn++) {
        total.add(list[broughtIn], 1);
      }
    }

    void spill(BucketCounts total) {
      bringInto(total);
      BucketCounts counts = new BucketCounts();
      addTo(counts);
      listed = 0;
      broughtIn = 0;
      pages = counts;
    }

    void addTo(BucketCounts buckets) {
      for (int i = 0; i < listed; i++) {
        buckets.add(list[i], 1);
      }
      if (pages != null) {
        buckets.addAll(pages);
      }
    }

    /** What it holds, all of which is in the total, or null if that is nothing. */
    @Nullable Slice slice(int slot) {
      if (count() == 0 && Arrays.equals(counters, NO_COUNTERS)) {
        return null;
      }
      if (pages != null) {
        return Slice.of(slot, slot, maxNanos, counters, pages);
      }
      Arrays.sort(list, 0, listed);
      return Slice.of(slot, slot, maxNanos, counters, list, listed);
    }

    void clear() {
      if (pages != null) {
        pages.clear();
      }
      listed = 0;
      broughtIn = 0;
      Arrays.fill(counters, 0);
      maxNanos = 0;
    }
  }
}
