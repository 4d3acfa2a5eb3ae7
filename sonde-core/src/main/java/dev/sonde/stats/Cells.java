// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** The counts of one second, added to by any thread and taken out by the holder of a lock. */
final class Cells {
  /*
   * One atomic addition counts an event, its latency and its bytes: a cell holds the number of
   * events in its upper 24 bits and their bytes in the lower 40. Neither can overflow: one addition
   * brings one event and less than 2^20 bytes, and whoever finds a cell half full asks for it to be
   * taken out, which leaves room for 2^19 more additions by threads that have not looked yet.
   *
   * A thread adds first and looks at `touched` afterwards; the taker clears `touched` first and
   * reads the cells afterwards. All of these are volatile, so either the thread finds its bit
   * cleared and sets it again, or the taker finds the addition. Nothing is lost, and since a cell is
   * taken by an atomic exchange, nothing is taken twice.
   */
  static final int COUNT_SHIFT = 40;

  static final long BYTES_MASK = (1L << COUNT_SHIFT) - 1;
  static final long MAX_CELL_BYTES = (1L << 20) - 1;

  static final long EXTRAS = 1L << 62;
  static final long RETIRED = 1L << 63;

  /** The second that never is: recording goes the slow way. */
  static final int NO_SECOND = -1;

  static final int OBJECT_BYTES = 48 + 16 + Buckets.OCTAVES * 4;
  static final int PAGE_BYTES = 16 + Buckets.PER_OCTAVE * Long.BYTES;
  static final int EXTRAS_BYTES = 16 + GroupSnapshot.Counters.SIZE * Long.BYTES;

  private static final long HALF_FULL = (1L << 63) | (1L << (COUNT_SHIFT - 1));
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle PAGE = MethodHandles.arrayElementVarHandle(long[][].class);
  private static final VarHandle TOUCHED;
  private static final VarHandle MAX;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      TOUCHED = lookup.findVarHandle(Cells.class, "touched", long.class);
      MAX = lookup.findVarHandle(Cells.class, "maxNanos", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Second since the start to which an addition belongs; written by the holder of the lock. */
  volatile int second = NO_SECOND;

  private volatile long touched;
  private volatile long maxNanos;
  private volatile long @Nullable [] extras;
  private final long[] @Nullable [] pages = new long[Buckets.OCTAVES][];

  /** The page of an octave, or null if there is none yet. */
  long @Nullable [] page(int octave) {
    return (long[]) PAGE.getVolatile(pages, octave);
  }

  /** Makes the page of an octave; for the holder of the lock. */
  void makePage(int octave) {
    PAGE.setVolatile(pages, octave, new long[Buckets.PER_OCTAVE]);
  }

  boolean hasExtras() {
    return extras != null;
  }

  /** Makes room for {@link #addExtra}; for the holder of the lock. */
  void makeExtras() {
    extras = new long[GroupSnapshot.Counters.SIZE];
  }

  /** Adds to a counter; {@link #touch} with {@link #EXTRAS} must follow. */
  void addExtra(int counter, long n) {
    long[] cells = extras;
    if (cells != null) {
      CELL.getAndAdd(cells, counter, n);
    }
  }

  /**
   * Counts an event in a page of this; {@link #touch} must follow.
   *
   * @return whether the cell is half full
   */
  static boolean add(long[] page, int slot, long bytes) {
    long event = (1L << COUNT_SHIFT) | bytes;
    long before = (long) CELL.getAndAdd(page, slot % Buckets.PER_OCTAVE, event);
    return (before & HALF_FULL) != 0;
  }

  void raiseMax(long nanos) {
    long max = maxNanos;
    while (nanos > max && !MAX.weakCompareAndSet(this, max, nanos)) {
      max = maxNanos;
    }
  }

  /** Tells the taker where to look; true if this group is retired, and the caller has to take. */
  boolean touch(long bits) {
    if ((touched & bits) == bits) {
      return false;
    }
    return ((long) TOUCHED.getAndBitwiseOr(this, bits) & RETIRED) != 0;
  }

  /** From now on {@link #touch} tells so. */
  void retire() {
    TOUCHED.getAndBitwiseOr(this, RETIRED);
  }

  void unretire() {
    TOUCHED.getAndBitwiseAnd(this, ~RETIRED);
  }

  /** Bits of what was touched since the last time. */
  long takeTouched() {
    return touched == 0 ? 0 : (long) TOUCHED.getAndBitwiseAnd(this, RETIRED) & ~RETIRED;
  }

  long takeMax() {
    return maxNanos == 0 ? 0 : (long) MAX.getAndSet(this, 0L);
  }

  /** Content of a cell, which is 0 afterwards. */
  static long take(long[] cells, int i) {
    return (long) CELL.getVolatile(cells, i) == 0 ? 0 : (long) CELL.getAndSet(cells, i, 0L);
  }

  long takeExtra(int counter) {
    long[] cells = extras;
    return cells == null ? 0 : take(cells, counter);
  }
}
