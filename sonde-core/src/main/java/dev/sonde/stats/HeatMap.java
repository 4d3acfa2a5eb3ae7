// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

/** Requests by time and latency: columns are slots of time, rows are half octaves of latency. */
public final class HeatMap {
  private final long columnNanos;
  private final long firstColumnStartNanos;
  private final long[] rowUpperNanos;
  private final int rows;
  private final long[] cells;

  HeatMap(long columnNanos, long firstColumnStartNanos, long[] rowUpperNanos, long[] cells) {
    this.columnNanos = columnNanos;
    this.firstColumnStartNanos = firstColumnStartNanos;
    this.rowUpperNanos = rowUpperNanos;
    this.rows = rowUpperNanos.length;
    this.cells = cells;
  }

  /** Columns, oldest first; the last one is still running. */
  public int columns() {
    return cells.length / rows;
  }

  /** Rows, fastest first. */
  public int rows() {
    return rows;
  }

  /** Width of a column in nanoseconds. */
  public long columnNanos() {
    return columnNanos;
  }

  /** Monotonic time in nanoseconds at which this column begins. */
  public long columnStartNanos(int column) {
    return firstColumnStartNanos + column * columnNanos;
  }

  /** Longest duration in nanoseconds that belongs to this row; the last row has no limit. */
  public long rowUpperNanos(int row) {
    return rowUpperNanos[row];
  }

  /** Requests in this cell. */
  public long count(int column, int row) {
    return cells[column * rows + row];
  }
}
