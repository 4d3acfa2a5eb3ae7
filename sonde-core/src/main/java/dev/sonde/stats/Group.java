// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.stats.BucketCounts.Slice;
import dev.sonde.stats.GroupHandle.Timeline;
import dev.sonde.stats.GroupSnapshot.Counters;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rolling window of one group: recorded by any thread, read by any thread. */
final class Group {
  /*
   * Recording adds to cells, without a lock. The cells hold one second at a time. The first thread
   * that comes with a later second takes them out into the window, which is ordinary state under a
   * try-lock: about a microsecond, once a second and group. A thread that finds the lock taken, or
   * that comes with an earlier second, does not wait: it leaves its event in a list (`aside`) that
   * whoever holds the lock puts in its place before, or after, letting go.
   *
   * The one liberty: a thread that is preempted between looking at the second and adding may find
   * its event counted one second later. It is never lost and never counted twice.
   */
  static final int OBJECT_BYTES = 120;

  static final int STATUS_NONE = -1;
  static final int OUTCOME_NONE = -1;

  private static final VarHandle LOCK;
  private static final VarHandle ASIDE;
  private static final VarHandle CODE = MethodHandles.arrayElementVarHandle(int[].class);
  private static final Cells[] NO_CELLS = {};
  private static final int[] NO_CODES = {};
  private static final long[] NO_COUNTERS = new long[Counters.SIZE];

  /** Events in one second from which threads get cells of their own. */
  private static final int HOT_COUNT = 10_000;

  private static final int MAX_STRIPES = stripes(Runtime.getRuntime().availableProcessors());
  private static final int SECONDS = 64;
  private static final int MIN_SLICES = 4;
  private static final int MAX_MERGES = 4;
  private static final int SPINS = 64;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  /** Sums, current and total buckets, seconds: what the first event makes. */
  private static final int WINDOW_BYTES = 2 * (200 + 16 + Counters.SIZE * 8) + 300 + 100;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      LOCK = lookup.findVarHandle(Group.class, "locked", boolean.class);
      ASIDE = lookup.findVarHandle(Group.class, "aside", Aside.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final GroupHandle handle;
  private final Timeline timeline;
  private final HeatMap.@Nullable Live heatMap;
  private final boolean isPermanent;

  private volatile boolean locked;
  private volatile @Nullable Aside aside;
  private volatile Cells[] stripes = NO_CELLS;

  /** Status codes of the exact counters, in the order in which they came. */
  private volatile int @Nullable [] codes;

  // Below: guarded by `locked`.
  private boolean isRetired;
  private int slotNow;
  private int lastUsedSlot;
  private long preparedOctaves;
  private long heldBytes;
  private @Nullable Window window;

  Group(
      GroupHandle handle, Timeline timeline, HeatMap.@Nullable Live heatMap, boolean isPermanent) {
    this.handle = handle;
    this.timeline = timeline;
    this.heatMap = heatMap;
    this.isPermanent = isPermanent;
    slotNow = timeline.slotOf(timeline.secondNow());
    lastUsedSlot = slotNow;
  }

  GroupHandle handle() {
    return handle;
  }

  /**
   * Counts one event.
   *
   * @param second second of its end since the store's start
   * @param status HTTP status, or {@link #STATUS_NONE} for what has none
   * @param outcomeCounter index of its counter, or {@link #OUTCOME_NONE} if it completed
   */
  void record(
      int second, long nanos, int status, int outcomeCounter, boolean isError, long in, long out) {
    int slot = Buckets.slotOf(nanos);
    int octave = slot / Buckets.PER_OCTAVE;
    boolean isLarge = out > Cells.MAX_CELL_BYTES;
    boolean hasExtras =
        isError
            || isLarge
            || in > 0
            || (status != 200 && status != STATUS_NONE)
            || outcomeCounter != OUTCOME_NONE;
    Cells cells = cellsOrNull();
    long[] page = cells == null || cells.second != second ? null : cells.page(octave);
    if (cells == null || page == null || (hasExtras && !cells.hasExtras())) {
      cells = prepare(second, octave, hasExtras);
      page = cells == null ? null : cells.page(octave);
      if (cells == null || page == null) {
        putAside(second, slot, nanos, status, outcomeCounter, isError, in, out);
        return;
      }
    }
    long touched = 1L << octave;
    if (hasExtras) {
      touched |= Cells.EXTRAS;
      // Before the event itself, so that whoever takes the event finds them.
      addExtras(cells, status, outcomeCounter, isError, in, isLarge ? out : 0);
    }
    cells.raiseMax(nanos);
    boolean isHalfFull = Cells.add(page, slot, isLarge ? 0 : Math.max(0, out));
    if (cells.touch(touched)) {
      takeRetired();
    } else if (isHalfFull && tryLock()) {
      try {
        takeCells();
      } finally {
        unlock();
      }
    }
  }

  /** Moves the window to this second; true if the group was idle so long that it is now retired. */
  boolean roll(int secondNow) {
    lock();
    try {
      takeCells();
      advanceTo(timeline.slotOf(secondNow));
      return !isPermanent && slotNow - lastUsedSlot > timeline.slots() && retire();
    } finally {
      unlock();
    }
  }

  /**
   * Its numbers, or null if there are none.
   *
   * @param slots closed slots to look back, besides the running one
   * @param sum what to add the numbers to
   */
  @Nullable GroupSnapshot snapshot(int secondNow, int slots, Sum sum) {
    lock();
    try {
      takeCells();
      advanceTo(timeline.slotOf(secondNow));
      Window w = window;
      return w == null ? null : w.snapshot(this, secondNow, slots, sum);
    } finally {
      unlock();
    }
  }

  /** Adds its distribution over the full window. */
  void addTo(BucketCounts buckets) {
    lock();
    try {
      takeCells();
      advanceTo(timeline.slotOf(timeline.secondNow()));
      if (window != null) {
        buckets.addAll(window.total);
      }
    } finally {
      unlock();
    }
  }

  private @Nullable Cells cellsOrNull() {
    Cells[] all = stripes;
    if (all.length <= 1) {
      return all.length == 0 ? null : all[0];
    }
    // The uppermost bits: neighbouring thread ids differ there most.
    return all[(int) ((Thread.currentThread().getId() * GOLDEN) >>> 56) & (all.length - 1)];
  }

  /** Cells that take events of this second and octave, or null if the event must go aside. */
  private @Nullable Cells prepare(int second, int octave, boolean needsExtras) {
    if (!tryLock()) {
      return null;
    }
    try {
      if (isRetired || !makeWindow()) {
        return null;
      }
      Cells cells = cellsOrNull();
      if (cells == null) {
        return null;
      }
      if (second > cells.second) {
        moveTo(cells, Math.min(second, timeline.secondNow()));
        cells = cellsOrNull();
      }
      if (cells == null || second < cells.second || cells.second == Cells.NO_SECOND) {
        return null;
      }
      return makeRoom(cells, octave, needsExtras) ? cells : null;
    } finally {
      unlock();
    }
  }

  private void moveTo(Cells cells, int second) {
    if (second <= cells.second) {
      return;
    }
    takeCells();
    advanceTo(timeline.slotOf(second));
    boolean isHot = window != null && window.countOf(cells.second) >= HOT_COUNT;
    if (isHot && stripes.length < MAX_STRIPES && !registry().isTight()) {
      Cells[] more = Arrays.copyOf(stripes, MAX_STRIPES);
      for (int i = stripes.length; i < more.length; i++) {
        more[i] = new Cells();
      }
      hold((long) (more.length - stripes.length) * Cells.OBJECT_BYTES);
      stripes = more;
    }
    cells.second = second;
    Cells own = cellsOrNull();
    if (own != null && own.second < second) {
      own.second = second;
    }
  }

  private boolean makeWindow() {
    if (window == null) {
      long bytes = WINDOW_BYTES + Cells.OBJECT_BYTES;
      if (!isPermanent && !registry().hasRoomFor(bytes)) {
        return false;
      }
      hold(bytes);
      window = new Window();
      stripes = new Cells[] {new Cells()};
    }
    return true;
  }

  private boolean makeRoom(Cells cells, int octave, boolean needsExtras) {
    if (cells.page(octave) == null) {
      boolean isPrepared = (preparedOctaves & (1L << octave)) != 0;
      long bytes = Cells.PAGE_BYTES + (isPrepared ? 0L : 2L * BucketCounts.PAGE_BYTES);
      if (!isPermanent && !registry().hasRoomFor(bytes)) {
        return false;
      }
      hold(bytes);
      preparedOctaves |= 1L << octave;
      cells.makePage(octave);
    }
    if (needsExtras && !cells.hasExtras()) {
      hold(Cells.EXTRAS_BYTES);
      cells.makeExtras();
    }
    return true;
  }

  private void addExtras(
      Cells cells, int status, int outcomeCounter, boolean isError, long in, long largeOut) {
    if (isError) {
      cells.addExtra(Counters.ERRORS, 1);
    }
    if (in > 0) {
      cells.addExtra(Counters.IN, in);
    }
    if (largeOut > 0) {
      cells.addExtra(Counters.OUT, largeOut);
    }
    int code = codeCounter(status);
    if (code >= 0) {
      cells.addExtra(code, 1);
    }
    if (outcomeCounter != OUTCOME_NONE) {
      cells.addExtra(outcomeCounter, 1);
    }
  }

  /** Index of the counter of a status, or -1 for those that are not counted but derived. */
  private int codeCounter(int status) {
    if (status == 200 || status == STATUS_NONE) {
      return -1;
    }
    int byClass = Counters.ofClass(status);
    if (byClass == Counters.CLASS) {
      return byClass;
    }
    int[] known = codes;
    if (known == null) {
      synchronized (this) {
        known = codes == null ? new int[Counters.CODE_SLOTS] : codes;
        codes = known;
      }
    }
    for (int i = 0; i < known.length; i++) {
      int code = (int) CODE.getVolatile(known, i);
      if (code == 0) {
        int before = (int) CODE.compareAndExchange(known, i, 0, status);
        code = before == 0 ? status : before;
      }
      if (code == status) {
        return Counters.CODE + i;
      }
    }
    return byClass;
  }

  private void putAside(
      int second,
      int slot,
      long nanos,
      int status,
      int outcomeCounter,
      boolean isError,
      long in,
      long out) {
    long[] counters = new long[Counters.SIZE];
    counters[Counters.ERRORS] = isError ? 1 : 0;
    counters[Counters.IN] = Math.max(0, in);
    counters[Counters.OUT] = Math.max(0, out);
    if (outcomeCounter != OUTCOME_NONE) {
      counters[outcomeCounter] = 1;
    }
    put(new Aside(second, slot, 1, nanos, counters, status));
  }

  private void put(Aside event) {
    Aside next;
    do {
      next = aside;
      event.next = next;
    } while (!ASIDE.weakCompareAndSet(this, next, event));
    settle();
  }

  /** Puts what lies aside in its place, unless the holder of the lock is going to do it. */
  private void settle() {
    while (aside != null && tryLock()) {
      try {
        drainAside();
      } finally {
        locked = false;
      }
    }
  }

  private void drainAside() {
    Aside event = (Aside) ASIDE.getAndSet(this, null);
    if (event == null) {
      return;
    }
    takeCells();
    int secondNow = timeline.secondNow();
    advanceTo(timeline.slotOf(secondNow));
    while (event != null) {
      Aside next = event.next;
      event.second = Math.min(event.second, secondNow);
      if (!isRetired && makeWindow() && prepare(event)) {
        add(event);
      } else {
        elsewhere().put(event);
      }
      event = next;
    }
  }

  private boolean prepare(Aside event) {
    int octave = event.slot / Buckets.PER_OCTAVE;
    if (event.count == 0 || (preparedOctaves & (1L << octave)) != 0) {
      return true;
    }
    long bytes = 2L * BucketCounts.PAGE_BYTES;
    if (!isPermanent && !registry().hasRoomFor(bytes)) {
      return false;
    }
    hold(bytes);
    preparedOctaves |= 1L << octave;
    return true;
  }

  private void add(Aside event) {
    Window w = window;
    if (w == null) {
      return;
    }
    int code = event.statusCount == 0 ? -1 : codeCounter(event.status);
    if (code >= 0) {
      event.counters[code] += event.statusCount;
    }
    int slot = timeline.slotOf(event.second);
    lastUsedSlot = Math.max(lastUsedSlot, slot);
    registry().recorded().addAndGet(event.count);
    w.addSecond(event.second, event.count);
    if (slot == slotNow) {
      w.addNow(event);
    } else if (slot >= slotNow - timeline.slots()) {
      BucketCounts buckets = new BucketCounts();
      if (event.count != 0) {
        buckets.add(event.slot, event.count);
      }
      hold(w.addPast(slot, buckets, event.counters, event.maxNanos));
    }
    if (heatMap != null && event.count != 0) {
      heatMap.add(slot, event.slot / HeatMap.Live.BUCKETS_PER_ROW, event.count);
    }
  }

  /** Where events go that find no place here. */
  private Group elsewhere() {
    return isRetired ? handle.attached() : registry().other().attached();
  }

  /** Takes the cells of a group that was retired while this thread was recording. */
  private void takeRetired() {
    lock();
    try {
      takeCells();
    } finally {
      unlock();
    }
  }

  private boolean retire() {
    int before = lastUsedSlot;
    for (Cells cells : stripes) {
      cells.retire();
    }
    takeCells();
    if (lastUsedSlot != before || aside != null) {
      for (Cells cells : stripes) {
        cells.unretire();
      }
      return false;
    }
    for (Cells cells : stripes) {
      cells.second = Cells.NO_SECOND;
    }
    isRetired = true;
    hold(-heldBytes);
    registry().detach(this);
    return true;
  }

  private void takeCells() {
    for (Cells cells : stripes) {
      long touched = cells.takeTouched();
      if (touched != 0 && isRetired) {
        forward(cells, touched);
      } else if (touched != 0 && window != null) {
        takeInto(window, cells, touched);
      }
    }
  }

  private void takeInto(Window w, Cells cells, long touched) {
    int second = Math.max(0, cells.second);
    int slot = timeline.slotOf(second);
    boolean isNow = slot == slotNow;
    BucketCounts buckets = isNow ? w.current : new BucketCounts();
    long[] counters = isNow ? w.currentCounters : new long[Counters.SIZE];
    long countBefore = buckets.count();
    for (long left = touched & ~Cells.EXTRAS; left != 0; left &= left - 1) {
      int octave = Long.numberOfTrailingZeros(left);
      long[] page = cells.page(octave);
      if (page != null) {
        long out = takePage(page, octave, slot, buckets, isNow ? w.total : null);
        counters[Counters.OUT] += out;
        w.totalCounters[Counters.OUT] += isNow ? out : 0;
      }
    }
    if ((touched & Cells.EXTRAS) != 0) {
      for (int i = 0; i < counters.length; i++) {
        long n = cells.takeExtra(i);
        counters[i] += n;
        w.totalCounters[i] += isNow ? n : 0;
      }
    }
    long max = cells.takeMax();
    long count = buckets.count() - countBefore;
    lastUsedSlot = Math.max(lastUsedSlot, slot);
    registry().recorded().addAndGet(count);
    w.addSecond(second, count);
    if (isNow) {
      w.currentMax = Math.max(w.currentMax, max);
    } else if (slot >= slotNow - timeline.slots()) {
      hold(w.addPast(slot, buckets, counters, max));
    }
  }

  private long takePage(
      long[] page, int octave, int slot, BucketCounts into, @Nullable BucketCounts andInto) {
    int first = octave * Buckets.PER_OCTAVE;
    into.prepare(octave);
    if (andInto != null) {
      andInto.prepare(octave);
    }
    long bytes = 0;
    long inRow = 0;
    for (int i = 0; i < page.length; i++) {
      long cell = Cells.take(page, i);
      if (cell != 0) {
        long n = cell >>> Cells.COUNT_SHIFT;
        bytes += cell & Cells.BYTES_MASK;
        inRow += n;
        into.add(first + i, n);
        if (andInto != null) {
          andInto.add(first + i, n);
        }
      }
      boolean isEndOfRow = (i + 1) % HeatMap.Live.BUCKETS_PER_ROW == 0;
      if (isEndOfRow && inRow != 0) {
        if (heatMap != null) {
          heatMap.add(slot, (first + i) / HeatMap.Live.BUCKETS_PER_ROW, inRow);
        }
        inRow = 0;
      }
    }
    return bytes;
  }

  /** Hands events that came in the very moment of retirement to the group that comes after. */
  private void forward(Cells cells, long touched) {
    int second = timeline.secondNow();
    long max = cells.takeMax();
    long[] extras = new long[Counters.SIZE];
    for (int i = 0; i < extras.length; i++) {
      extras[i] = cells.takeExtra(i);
    }
    int[] known = codes;
    for (int i = 0; known != null && i < known.length; i++) {
      long n = extras[Counters.CODE + i];
      extras[Counters.CODE + i] = 0;
      if (n != 0) {
        Aside status = new Aside(second, 0, 0, 0, new long[Counters.SIZE], known[i]);
        status.statusCount = n;
        elsewhere().put(status);
      }
    }
    for (long left = touched & ~Cells.EXTRAS; left != 0; left &= left - 1) {
      int octave = Long.numberOfTrailingZeros(left);
      long[] page = cells.page(octave);
      for (int i = 0; page != null && i < page.length; i++) {
        long cell = Cells.take(page, i);
        if (cell != 0) {
          long[] counters = new long[Counters.SIZE];
          counters[Counters.OUT] = cell & Cells.BYTES_MASK;
          int slot = octave * Buckets.PER_OCTAVE + i;
          long n = cell >>> Cells.COUNT_SHIFT;
          elsewhere().put(new Aside(second, slot, n, max, counters, STATUS_NONE));
        }
      }
    }
    elsewhere().put(new Aside(second, 0, 0, 0, extras, STATUS_NONE));
  }

  private void advanceTo(int slot) {
    if (slot <= slotNow) {
      return;
    }
    Window w = window;
    if (w != null) {
      long bytes = w.close(slotNow);
      slotNow = slot;
      bytes += w.expireBefore(slot - timeline.slots());
      hold(bytes);
      int merges = 0;
      while (w.slices.size() > MIN_SLICES && mustThin(w, merges)) {
        hold(w.mergeFinest());
        merges++;
      }
    }
    slotNow = slot;
  }

  private boolean mustThin(Window w, int merges) {
    if (registry().isFull()) {
      return true;
    }
    long pages = heldBytes - w.sliceBytes;
    return merges < MAX_MERGES
        && registry().isTight()
        && w.sliceBytes > registry().fairBytes() - pages;
  }

  private GroupHandle.Registry registry() {
    return handle.registry();
  }

  private void hold(long bytes) {
    heldBytes += bytes;
    registry().hold(bytes);
  }

  /** For readers, which may wait: the holder is done within microseconds of running. */
  @SuppressWarnings("ThreadPriorityCheck")
  private void lock() {
    for (int i = 0; !tryLock(); i++) {
      if (i < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  private boolean tryLock() {
    return !locked && LOCK.compareAndSet(this, false, true);
  }

  private void unlock() {
    locked = false;
    settle();
  }

  private static int stripes(int processors) {
    return Math.min(16, Integer.highestOneBit(Math.max(2, 2 * processors - 1)) * 2);
  }

  /** Events that could not be counted in the cells. */
  private static final class Aside {
    private int second;
    private final int slot;
    private final long count;
    private final long maxNanos;
    private final long[] counters;
    private final int status;
    private long statusCount;
    private @Nullable Aside next;

    Aside(int second, int slot, long count, long maxNanos, long[] counters, int status) {
      this.second = second;
      this.slot = slot;
      this.count = count;
      this.maxNanos = maxNanos;
      this.counters = counters;
      this.status = status;
      statusCount = status == STATUS_NONE ? 0 : count;
    }
  }

  /** Numbers of several groups together. */
  static final class Sum {
    private static final int MAX_STATUS = 599;

    private final BucketCounts buckets = new BucketCounts();
    private final long[] counters = new long[Counters.CODE];
    private final long[] byStatus = new long[MAX_STATUS + 1];
    private final int[] spark = new int[GroupSnapshot.SPARK_BINS];
    private long maxNanos;
    private long recent;
    private long complete;

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

    private void add(
        BucketCounts part, long[] partCounters, int @Nullable [] codes, int[] partSpark, long max) {
      buckets.addAll(part);
      for (int i = 0; i < Counters.CODE; i++) {
        counters[i] += partCounters[i];
      }
      for (int i = 0; codes != null && i < codes.length; i++) {
        if (codes[i] != 0) {
          byStatus[codes[i]] += partCounters[Counters.CODE + i];
        }
      }
      for (int i = 0; i < partSpark.length; i++) {
        spark[i] += partSpark[i];
      }
      maxNanos = Math.max(maxNanos, max);
    }
  }

  static double rate(long count, double seconds) {
    return seconds <= 0 ? 0.0 : count / seconds;
  }

  /** The counts of the window; for the holder of the lock. */
  private static final class Window {
    private final BucketCounts current = new BucketCounts();
    private final BucketCounts total = new BucketCounts();
    private final long[] currentCounters = new long[Counters.SIZE];
    private final long[] totalCounters = new long[Counters.SIZE];

    /** Oldest first; together with {@code current} they are {@code total}. */
    private final List<Slice> slices = new ArrayList<>(2);

    private final int[] seconds = new int[SECONDS];
    private int lastSecond;
    private long currentMax;
    private long closedMax;
    private long sliceBytes;

    int countOf(int second) {
      boolean isKept = second >= 0 && second <= lastSecond && second > lastSecond - SECONDS;
      return isKept ? seconds[second % SECONDS] : 0;
    }

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

    void addNow(Aside event) {
      if (event.count != 0) {
        current.add(event.slot, event.count);
        total.add(event.slot, event.count);
      }
      for (int i = 0; i < event.counters.length; i++) {
        currentCounters[i] += event.counters[i];
        totalCounters[i] += event.counters[i];
      }
      currentMax = Math.max(currentMax, event.maxNanos);
    }

    /** Adds counts to a slot that is closed; returns the bytes that this takes. */
    long addPast(int slot, BucketCounts buckets, long[] counters, long max) {
      total.addAll(buckets);
      for (int i = 0; i < counters.length; i++) {
        totalCounters[i] += counters[i];
      }
      int at = 0;
      while (at < slices.size() && slices.get(at).lastSlot < slot) {
        at++;
      }
      long bytes = 0;
      int first = slot;
      int last = slot;
      long newMax = max;
      if (at < slices.size() && slices.get(at).firstSlot <= slot) {
        Slice old = slices.remove(at);
        old.addTo(buckets, counters, 1);
        first = old.firstSlot;
        last = old.lastSlot;
        newMax = Math.max(max, old.maxNanos);
        bytes -= old.bytes();
      }
      Slice slice = new Slice(first, last, newMax, buckets, counters);
      slices.add(at, slice);
      closedMax = Math.max(closedMax, newMax);
      return changed(bytes + slice.bytes());
    }

    long close(int slot) {
      boolean isEmpty = current.count() == 0 && Arrays.equals(currentCounters, NO_COUNTERS);
      if (isEmpty) {
        return 0;
      }
      Slice slice = new Slice(slot, slot, currentMax, current, currentCounters);
      slices.add(slice);
      closedMax = Math.max(closedMax, currentMax);
      current.clear();
      Arrays.fill(currentCounters, 0);
      currentMax = 0;
      return changed(slice.bytes());
    }

    long expireBefore(int slot) {
      long bytes = 0;
      int expired = 0;
      while (expired < slices.size() && slices.get(expired).lastSlot < slot) {
        Slice slice = slices.get(expired);
        slice.addTo(total, totalCounters, -1);
        bytes -= slice.bytes();
        expired++;
      }
      if (expired > 0) {
        slices.subList(0, expired).clear();
        closedMax = 0;
        for (Slice slice : slices) {
          closedMax = Math.max(closedMax, slice.maxNanos);
        }
      }
      return changed(bytes);
    }

    /** Makes one slice of the two neighbours that cover the shortest time, the oldest of these. */
    long mergeFinest() {
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
      Slice both = new Slice(older.firstSlot, newer.lastSlot, max, buckets, counters);
      slices.set(at, both);
      slices.remove(at + 1);
      return changed(both.bytes() - older.bytes() - newer.bytes());
    }

    @Nullable GroupSnapshot snapshot(Group group, int secondNow, int slots, Sum sum) {
      Timeline timeline = group.timeline;
      boolean isFull = slots >= timeline.slots();
      BucketCounts buckets = total;
      long[] counters = totalCounters;
      long max = Math.max(closedMax, currentMax);
      int firstSlot = Math.max(0, group.slotNow - slots);
      if (!isFull) {
        buckets = new BucketCounts();
        buckets.addAll(current);
        counters = currentCounters.clone();
        max = currentMax;
        for (Slice slice : slices) {
          if (slice.lastSlot >= group.slotNow - slots) {
            slice.addTo(buckets, counters, 1);
            max = Math.max(max, slice.maxNanos);
            firstSlot = Math.min(firstSlot, slice.firstSlot);
          }
        }
      } else if (!slices.isEmpty()) {
        firstSlot = Math.min(firstSlot, slices.get(0).firstSlot);
      }
      if (buckets.count() == 0) {
        return null;
      }
      int[] spark = new int[GroupSnapshot.SPARK_BINS];
      long recent = 0;
      for (int i = 0; i < spark.length; i++) {
        spark[i] = countOf(secondNow - spark.length + i);
        recent += spark[i];
      }
      long running = 0;
      for (int second = secondNow; second <= lastSecond; second++) {
        running += countOf(second);
      }
      long complete = Math.max(0, buckets.count() - running);
      int[] codes = group.codes;
      sum.add(buckets, counters, codes, spark, max);
      sum.recent += recent;
      sum.complete += complete;
      double covered = secondNow - (double) firstSlot * timeline.slotSeconds();
      return new GroupSnapshot(
          group.handle,
          group.handle.kind(),
          group.handle.name(),
          buckets.count(),
          rate(recent, Math.min(secondNow, GroupSnapshot.SPARK_BINS)),
          rate(complete, covered),
          buckets.latency(max),
          spark,
          counters.clone(),
          codes == null ? NO_CODES : codes.clone());
    }

    private long changed(long bytes) {
      sliceBytes += bytes;
      return bytes;
    }
  }
}
