// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.stats.GroupHandle.Budget;
import dev.sonde.stats.GroupHandle.Timeline;
import dev.sonde.stats.GroupSnapshot.Counters;
import dev.sonde.stats.GroupSnapshot.Sum;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** The rolling window of one group: recorded by any thread, read by any thread. */
final class Group {
  /*
   * The window is ordinary state under a try-lock. Whoever records takes it, which costs a
   * compare-and-set while nobody else wants it, and nobody waits for it: who finds it taken leaves
   * the event in a list (`aside`) that the holder puts in its place before, or after, letting go.
   *
   * A group that many events or several threads come to gets cells beside its window, and is
   * recorded in them without the lock. They hold one second at a time. The first thread that comes
   * with a later second takes them out into the window: about a microsecond, once a second and
   * group. What does not fit in the cells, such as an earlier second, goes to the window.
   *
   * The one liberty: a thread that is preempted between looking at the second of the cells and
   * adding may find its event counted one second later, and one that puts it aside just when a
   * second begins, one second earlier. It is never lost and never counted twice.
   */
  static final int OBJECT_BYTES = 96;

  static final int STATUS_NONE = -1;
  static final int OUTCOME_NONE = -1;

  private static final VarHandle LOCK;
  private static final VarHandle ASIDE;
  private static final VarHandle CODE = MethodHandles.arrayElementVarHandle(int[].class);
  private static final Cells[] NO_CELLS = {};
  private static final int[] NO_CODES = {};

  /** Events in one second from which a group gets cells. */
  private static final int HOT_COUNT = 1_000;

  /** Events in one second that met another thread, from which a group gets cells. */
  private static final int HOT_MEETINGS = 16;

  private static final int MAX_STRIPES = stripes(Runtime.getRuntime().availableProcessors());
  private static final int SPINS = 64;
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

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
  private final Budget budget;
  private final HeatMap.@Nullable Live heatMap;
  private final boolean isPermanent;

  private volatile boolean locked;
  private volatile @Nullable Aside aside;
  private volatile Cells[] stripes = NO_CELLS;

  /** Status codes of the exact counters, in the order in which they came. */
  private volatile int @Nullable [] codes;

  // Below: guarded by `locked`.
  private boolean isRetired;
  private int lastUsedSlot;
  private int reachedSecond;
  private int meetings;
  private long cellBytes;
  private long recorded;
  private @Nullable Window window;

  Group(
      GroupHandle handle, Timeline timeline, HeatMap.@Nullable Live heatMap, boolean isPermanent) {
    this.handle = handle;
    this.timeline = timeline;
    this.heatMap = heatMap;
    this.isPermanent = isPermanent;
    budget = handle.registry().budget();
    reachedSecond = timeline.secondNow();
    lastUsedSlot = timeline.slotOf(reachedSecond);
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
    int bucket = Buckets.slotOf(nanos);
    long bytesOut = Math.max(0, out);
    Cells cells = cellsOrNull();
    if (cells != null
        && cells.second == second
        && recordIn(cells, bucket, nanos, status, outcomeCounter, isError, in, bytesOut)) {
      return;
    }
    if (!tryLock()) {
      putAside(second, bucket, nanos, status, outcomeCounter, isError, in, bytesOut);
      return;
    }
    Group elsewhere;
    try {
      elsewhere = recordHere(second, bucket, nanos, status, outcomeCounter, isError, in, bytesOut);
    } finally {
      unlock();
    }
    if (elsewhere != null) {
      elsewhere.record(second, nanos, status, outcomeCounter, isError, in, out);
    }
  }

  /** Moves the window to this second; true if the group was idle so long that it is now retired. */
  boolean roll(int secondNow) {
    lock();
    try {
      advanceTo(secondNow);
      int idleSlots = timeline.slotOf(secondNow) - lastUsedSlot;
      return !isPermanent && idleSlots > timeline.slots() && retire();
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
      advanceTo(secondNow);
      int[] known = codes;
      int[] seen = known == null ? NO_CODES : known.clone();
      return window == null ? null : window.snapshot(handle, seen, secondNow, slots, sum);
    } finally {
      unlock();
    }
  }

  /** Adds its distribution over the full window. */
  void addTo(BucketCounts buckets) {
    lock();
    try {
      advanceTo(timeline.secondNow());
      if (window != null) {
        buckets.addAll(window.total());
      }
    } finally {
      unlock();
    }
  }

  /** Adds its distribution over the running slot and so many before it. */
  void addTo(BucketCounts buckets, int secondNow, int slots) {
    lock();
    try {
      advanceTo(secondNow);
      if (window != null) {
        window.addTo(buckets, slots);
      }
    } finally {
      unlock();
    }
  }

  /** Events ever recorded, as far as they were taken from the cells; 0 once it is retired. */
  long recorded() {
    lock();
    try {
      return recorded;
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

  /** Counts an event without the lock; false if there is no room for it. */
  private boolean recordIn(
      Cells cells,
      int bucket,
      long nanos,
      int status,
      int outcomeCounter,
      boolean isError,
      long in,
      long out) {
    int octave = bucket / Buckets.PER_OCTAVE;
    boolean isLarge = out > Cells.MAX_CELL_BYTES;
    boolean hasExtras =
        isError
            || isLarge
            || in > 0
            || (status != 200 && status != STATUS_NONE)
            || outcomeCounter != OUTCOME_NONE;
    long[] page = cells.page(octave);
    if (page == null || (hasExtras && !cells.hasExtras())) {
      return false;
    }
    long touched = 1L << octave;
    if (hasExtras) {
      touched |= Cells.EXTRAS;
      // Before the event itself, so that whoever takes the event finds them.
      addExtras(cells, status, outcomeCounter, isError, in, isLarge ? out : 0);
    }
    cells.raiseMax(nanos);
    boolean isHalfFull = Cells.add(page, bucket, isLarge ? 0 : out);
    if (cells.touch(touched)) {
      takeRetired();
    } else if (isHalfFull && tryLock()) {
      try {
        takeCells();
      } finally {
        unlock();
      }
    }
    return true;
  }

  /** Counts an event in the window; tells where it belongs if that is not here. */
  private @Nullable Group recordHere(
      int second,
      int bucket,
      long nanos,
      int status,
      int outcomeCounter,
      boolean isError,
      long in,
      long out) {
    if (isRetired) {
      return handle.attached();
    }
    Window w = windowWithRoomFor(bucket);
    if (w == null) {
      return registry().other().attached();
    }
    if (second > reachedSecond) {
      advanceTo(Math.min(second, timeline.secondNow()));
    }
    int own = Math.min(second, reachedSecond);
    int slot = timeline.slotOf(own);
    if (slot != w.slotNow()) {
      add(w, aside(own, bucket, nanos, status, outcomeCounter, isError, in, out));
      return null;
    }
    lastUsedSlot = slot;
    recorded++;
    w.addSecond(own, 1);
    w.add(bucket, 1);
    w.raiseMax(nanos);
    if (isError) {
      w.addCounter(Counters.ERRORS, 1);
    }
    if (in > 0) {
      w.addCounter(Counters.IN, in);
    }
    if (out > 0) {
      w.addCounter(Counters.OUT, out);
    }
    int code = codeCounter(status);
    if (code >= 0) {
      w.addCounter(code, 1);
    }
    if (outcomeCounter != OUTCOME_NONE) {
      w.addCounter(outcomeCounter, 1);
    }
    if (heatMap != null) {
      heatMap.add(slot, bucket / HeatMap.Live.BUCKETS_PER_ROW, 1);
    }
    Cells cells = cellsOrNull();
    if (cells != null) {
      makeRoom(cells, bucket / Buckets.PER_OCTAVE);
    }
    return null;
  }

  /** The window, or null if there is no memory for such an event. */
  private @Nullable Window windowWithRoomFor(int bucket) {
    if (!isPermanent && budget.isFull()) {
      return null;
    }
    Window w = window;
    if (w == null) {
      w = new Window(timeline, budget, timeline.slotOf(reachedSecond), isPermanent);
      window = w;
    }
    return w.prepare(bucket / Buckets.PER_OCTAVE) ? w : null;
  }

  /** Moves to a second that is not in the future. */
  private void advanceTo(int second) {
    takeCells();
    if (second <= reachedSecond) {
      return;
    }
    int before = reachedSecond;
    reachedSecond = second;
    Window w = window;
    if (w == null) {
      return;
    }
    w.advanceTo(timeline.slotOf(second));
    if (w.countOf(before) >= HOT_COUNT) {
      makeCells(w);
    }
    meetings = 0;
    for (Cells cells : stripes) {
      cells.second = second;
    }
  }

  private void makeCells(Window w) {
    if (stripes.length == 0 && w.makeHot()) {
      Cells[] all = new Cells[MAX_STRIPES];
      for (int i = 0; i < all.length; i++) {
        all[i] = new Cells();
        all[i].second = reachedSecond;
      }
      holdCells((long) all.length * Cells.OBJECT_BYTES);
      stripes = all;
    }
  }

  private void makeRoom(Cells cells, int octave) {
    if (cells.page(octave) == null && !budget.isTight()) {
      holdCells(Cells.PAGE_BYTES);
      cells.makePage(octave);
    }
    if (!cells.hasExtras() && !budget.isTight()) {
      holdCells(Cells.EXTRAS_BYTES);
      cells.makeExtras();
    }
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
      int bucket,
      long nanos,
      int status,
      int outcomeCounter,
      boolean isError,
      long in,
      long out) {
    put(aside(second, bucket, nanos, status, outcomeCounter, isError, in, out));
  }

  private static Aside aside(
      int second,
      int bucket,
      long nanos,
      int status,
      int outcomeCounter,
      boolean isError,
      long in,
      long out) {
    long[] counters = new long[Counters.SIZE];
    counters[Counters.ERRORS] = isError ? 1 : 0;
    counters[Counters.IN] = Math.max(0, in);
    counters[Counters.OUT] = out;
    if (outcomeCounter != OUTCOME_NONE) {
      counters[outcomeCounter] = 1;
    }
    return new Aside(second, bucket, 1, nanos, counters, status);
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
    // First, as it may lack memory: what lies aside then stays there.
    advanceTo(timeline.secondNow());
    Aside event = (Aside) ASIDE.getAndSet(this, null);
    while (event != null) {
      Aside next = event.next;
      event.second = Math.min(event.second, reachedSecond);
      Window w = isRetired ? null : windowWithRoomFor(event.bucket);
      if (w == null) {
        elsewhere().put(event);
      } else {
        add(w, event);
        meetings++;
        if (meetings == HOT_MEETINGS) {
          makeCells(w);
        }
      }
      event = next;
    }
  }

  private void add(Window w, Aside event) {
    int code = event.statusCount == 0 ? -1 : codeCounter(event.status);
    if (code >= 0) {
      event.counters[code] += event.statusCount;
    }
    int slot = timeline.slotOf(event.second);
    lastUsedSlot = Math.max(lastUsedSlot, slot);
    recorded += event.count;
    w.addSecond(event.second, event.count);
    if (slot == w.slotNow()) {
      if (event.count != 0) {
        w.add(event.bucket, event.count);
      }
      for (int i = 0; i < event.counters.length; i++) {
        w.addCounter(i, event.counters[i]);
      }
      w.raiseMax(event.maxNanos);
    } else {
      BucketCounts buckets = new BucketCounts();
      if (event.count != 0) {
        buckets.add(event.bucket, event.count);
      }
      w.addPast(slot, buckets, event.counters, event.maxNanos);
    }
    if (heatMap != null && event.count != 0) {
      heatMap.add(slot, event.bucket / HeatMap.Live.BUCKETS_PER_ROW, event.count);
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
    holdCells(-cellBytes);
    if (window != null) {
      window.release();
    }
    registry().detach(this, recorded);
    recorded = 0;
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
    int second = cells.second;
    int slot = timeline.slotOf(second);
    // Null if they go to the running slot, as they do but for a slot's last second.
    BucketCounts past = slot == w.slotNow() ? null : new BucketCounts();
    long[] counters = new long[Counters.SIZE];
    if ((touched & Cells.EXTRAS) != 0) {
      for (int i = 0; i < counters.length; i++) {
        counters[i] = cells.takeExtra(i);
      }
    }
    long count = 0;
    for (long left = touched & ~Cells.EXTRAS; left != 0; left &= left - 1) {
      int octave = Long.numberOfTrailingZeros(left);
      long[] page = cells.page(octave);
      for (int i = 0; page != null && i < page.length; i++) {
        long cell = Cells.take(page, i);
        if (cell != 0) {
          int bucket = octave * Buckets.PER_OCTAVE + i;
          long n = cell >>> Cells.COUNT_SHIFT;
          count += n;
          counters[Counters.OUT] += cell & Cells.BYTES_MASK;
          if (past == null) {
            w.add(bucket, n);
          } else {
            past.add(bucket, n);
          }
          if (heatMap != null) {
            heatMap.add(slot, bucket / HeatMap.Live.BUCKETS_PER_ROW, n);
          }
        }
      }
    }
    lastUsedSlot = Math.max(lastUsedSlot, slot);
    recorded += count;
    w.addSecond(second, count);
    long max = cells.takeMax();
    if (past == null) {
      w.raiseMax(max);
      for (int i = 0; i < counters.length; i++) {
        w.addCounter(i, counters[i]);
      }
    } else {
      w.addPast(slot, past, counters, max);
    }
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

  private GroupHandle.Registry registry() {
    return handle.registry();
  }

  private void holdCells(long bytes) {
    cellBytes += bytes;
    budget.hold(bytes);
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
    private final int bucket;
    private final long count;
    private final long maxNanos;
    private final long[] counters;
    private final int status;
    private long statusCount;
    private @Nullable Aside next;

    Aside(int second, int bucket, long count, long maxNanos, long[] counters, int status) {
      this.second = second;
      this.bucket = bucket;
      this.count = count;
      this.maxNanos = maxNanos;
      this.counters = counters;
      this.status = status;
      statusCount = status == STATUS_NONE ? 0 : count;
    }
  }
}
