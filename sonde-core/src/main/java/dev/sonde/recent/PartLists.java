// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static dev.sonde.recent.RowPool.NONE;

import dev.sonde.event.ProfileEvent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** Calls and statements, in lists of which each belongs to one request. */
final class PartLists {
  private final RowPool rows;
  private final AtomicLong heldBytes;
  private boolean[] isHeld = {};
  private int held;

  /**
   * Lists without parts.
   *
   * @param heldBytes to which the bytes of all parts are added
   */
  PartLists(RecordReader layout, AtomicLong heldBytes) {
    rows = new RowPool(layout, heldBytes);
    this.heldBytes = heldBytes;
  }

  /** The parts of one request: those that are kept for views, then those that are only held. */
  static final class Parts {
    private int first = NONE;
    private int last = NONE;
    private int kept;
    private int held;

    /** How many are kept for views. */
    int kept() {
      return kept;
    }
  }

  /** Parts of all lists. */
  int size() {
    return rows.used();
  }

  /** Parts of all lists that are held. */
  int held() {
    return held;
  }

  /**
   * Adds a part to a list.
   *
   * @param isKept whether it is kept for views; not after one that is not
   * @param holds whether {@link #takeHeld} is to give it back
   */
  void add(Parts parts, RecordReader part, boolean isKept, boolean holds) {
    int row = rows.take();
    rows.put(row, part);
    heldBytes.setOpaque(heldBytes.getPlain() + textBytes(part));
    if (row >= isHeld.length) {
      isHeld = Arrays.copyOf(isHeld, 2 * row + 1);
    }
    isHeld[row] = holds;
    if (holds) {
      parts.held++;
      held++;
    }
    if (isKept) {
      parts.kept++;
    }
    link(parts, row);
  }

  private void link(Parts parts, int row) {
    rows.next(row, NONE);
    if (parts.first == NONE) {
      parts.first = row;
    } else {
      rows.next(parts.last, row);
    }
    parts.last = row;
  }

  /** What is held of a list, in order; it is held no more, and only what is kept stays. */
  List<ProfileEvent> takeHeld(Parts parts) {
    if (parts.held == 0) {
      return List.of();
    }
    List<ProfileEvent> taken = new ArrayList<>(parts.held);
    int row = parts.first;
    parts.first = NONE;
    for (int i = 0; row != NONE; i++) {
      int following = rows.next(row);
      if (isHeld[row]) {
        isHeld[row] = false;
        taken.add(rows.at(row).part());
      }
      if (i < parts.kept) {
        link(parts, row);
      } else {
        giveBack(row);
      }
      row = following;
    }
    held -= parts.held;
    parts.held = 0;
    return taken;
  }

  /** Empties a list of which nothing is held. */
  void clear(Parts parts) {
    int row = parts.first;
    while (row != NONE) {
      int following = rows.next(row);
      giveBack(row);
      row = following;
    }
    parts.first = NONE;
    parts.kept = 0;
  }

  private void giveBack(int row) {
    heldBytes.setOpaque(heldBytes.getPlain() - textBytes(rows.at(row)));
    rows.giveBack(row);
  }

  private static long textBytes(RecordReader part) {
    return (long) part.textChars() * Character.BYTES;
  }

  /** Shows all that is kept of a list, in order. */
  void forEachKept(Parts parts, Consumer<ProfileEvent> action) {
    int row = parts.first;
    for (int i = 0; i < parts.kept; i++) {
      action.accept(rows.at(row).part());
      row = rows.next(row);
    }
  }
}
