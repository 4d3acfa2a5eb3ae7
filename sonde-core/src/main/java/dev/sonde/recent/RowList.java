// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import java.util.Arrays;

/** Rows in the order in which they were added, each at most once; any of them can leave. */
final class RowList {
  /** Bytes for each row that there may be. */
  static final int BYTES_PER_ROW = 2 * Integer.BYTES;

  // A ring of links, in which row r is entry r + 1, and entry 0 is no row but the list itself.
  private int[] next = new int[1];
  private int[] previous = new int[1];
  private int size;

  int size() {
    return size;
  }

  /** The row added before all others, or {@link RowPool#NONE}. */
  int first() {
    return next[0] - 1;
  }

  /** Adds a row that is not in the list. */
  void add(int row) {
    int entry = row + 1;
    if (entry >= next.length) {
      next = Arrays.copyOf(next, 2 * entry);
      previous = Arrays.copyOf(previous, 2 * entry);
    }
    int last = previous[0];
    next[entry] = 0;
    previous[entry] = last;
    next[last] = entry;
    previous[0] = entry;
    size++;
  }

  /** Removes a row that is in the list. */
  void remove(int row) {
    int entry = row + 1;
    next[previous[entry]] = next[entry];
    previous[next[entry]] = previous[entry];
    size--;
  }
}
