// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.util.concurrent.atomic.AtomicLongArray;

/** Requests by time and latency: columns are slots of time, rows are half octaves of latency. */
public final class HeatMap {
  private final long columnNanos;
  private final long firstColumnStartNanos;
  private final long[] rowUpperNanos;
  private final long[] cells;

  private HeatMap(
      long columnNanos, long firstColumnStartNanos, long[] rowUpperNanos, long[] cells) {
    this.columnNanos = columnNanos;
    this.firstColumnStartNanos = firstColumnStartNanos;
    this.rowUpperNanos = rowUpperNanos;
    this.cells = cells;
  }

  /** Columns, oldest first; the last one is still running. 0 when there was nothing. */
  public int columns() {
    return rows() == 0 ? 0 : cells.length / rows();
  }

  /** Rows, fastest first, from the fastest to the slowest request. */
  public int rows() {
    return rowUpperNanos.length;
  }

  /** Width of a column in nanoseconds. */
  public long columnNanos() {
    return columnNanos;
  }

  /** Monotonic time in nanoseconds at which this column begins. */
  public long columnStartNanos(int column) {
    return firstColumnStartNanos + column * columnNanos;
  }

  /** Longest duration in nanoseconds that belongs to this row. */
  public long rowUpperNanos(int row) {
    return rowUpperNanos[row];
  }

  /** Requests in this cell. */
  public long count(int column, int row) {
    return cells[column * rows() + row];
  }

  /** The map while it is being drawn, by any thread. */
  static final class Live {
    /*
     * Each cell carries the slot of time that it belongs to in its upper bits. So a column need not
     * be cleared before it is used again, which no thread could do without keeping others out.
     */
    static final int BUCKETS_PER_ROW = Buckets.PER_OCTAVE / 2;
    static final int ROWS = Buckets.COUNT / BUCKETS_PER_ROW;

    private static final int COUNT_BITS = 40;
    private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;

    private final int columns;
    private final AtomicLongArray cells;

    /** A map of so many closed slots and the running one. */
    Live(int slots) {
      columns = slots + 1;
      cells = new AtomicLongArray(columns * ROWS);
    }

    long bytes() {
      return 64L + (long) cells.length() * Long.BYTES;
    }

    void add(int slot, int row, long n) {
      int i = Math.floorMod(slot, columns) * ROWS + row;
      long tag = (long) slot << COUNT_BITS;
      long old;
      long sum;
      do {
        old = cells.get(i);
        if (old >>> COUNT_BITS > slot) {
          return;
        }
        long count = old >>> COUNT_BITS == slot ? old & COUNT_MASK : 0;
        sum = tag | Math.min(COUNT_MASK, count + n);
      } while (!cells.weakCompareAndSetVolatile(i, old, sum));
    }

    HeatMap snapshot(int slotNow, GroupHandle.Timeline timeline) {
      int first = slotNow - columns + 1;
      long[] all = new long[columns * ROWS];
      int low = ROWS;
      int high = 0;
      for (int column = 0; column < columns; column++) {
        int start = Math.floorMod(first + column, columns) * ROWS;
        for (int row = 0; row < ROWS; row++) {
          long cell = cells.get(start + row);
          if (cell >>> COUNT_BITS == first + column && (cell & COUNT_MASK) != 0) {
            all[column * ROWS + row] = cell & COUNT_MASK;
            low = Math.min(low, row);
            high = Math.max(high, row + 1);
          }
        }
      }
      return trimmed(all, Math.min(low, high), high, timeline, first);
    }

    private HeatMap trimmed(
        long[] all, int low, int high, GroupHandle.Timeline timeline, int first) {
      int rows = high - low;
      long[] upper = new long[rows];
      for (int row = 0; row < rows; row++) {
        int bucket = Buckets.MIN + (low + row + 1) * BUCKETS_PER_ROW - 1;
        upper[row] = Math.round(Buckets.upperNanos(bucket));
      }
      long[] kept = new long[columns * rows];
      for (int column = 0; column < columns; column++) {
        System.arraycopy(all, column * ROWS + low, kept, column * rows, rows);
      }
      long start = timeline.nanosOfSlot(first);
      return new HeatMap(timeline.nanosOfSlot(first + 1) - start, start, upper, kept);
    }
  }
}
