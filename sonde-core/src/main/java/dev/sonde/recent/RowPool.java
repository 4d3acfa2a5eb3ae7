// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Rows for records, which are taken and given back; each has a link to another row. */
final class RowPool {
  /*
   * Rows lie side by side in arrays and are linked by number. An object for each would be simpler,
   * but a reference that is stored in an old object costs the garbage collector's barrier more than
   * all the numbers of a record, unless it goes where others have just been stored.
   *
   * The first chunk with a free row gives it, so that the last ones become empty in time and can
   * go.
   */
  static final int NONE = -1;

  private static final int CHUNK_BITS = 8;
  private static final int CHUNK = 1 << CHUNK_BITS;

  private final RecordReader layout;
  private final int chunkBytes;
  private final AtomicLong heldBytes;
  private final List<Chunk> chunks = new ArrayList<>();
  private int firstFree;
  private int used;

  /**
   * A pool without a row taken.
   *
   * @param layout how records lie in their arrays
   * @param heldBytes to which the bytes of all rows are added, taken or not
   */
  RowPool(RecordReader layout, AtomicLong heldBytes) {
    this.layout = layout;
    this.heldBytes = heldBytes;
    chunkBytes = CHUNK * (layout.longs() * Long.BYTES + (layout.refs() + 1) * Integer.BYTES);
    addChunk();
  }

  /** Some rows. */
  private static final class Chunk {
    private final long[] longs;
    private final @Nullable Object[] refs;
    private final int[] next = new int[CHUNK];
    private final RecordReader reader;
    private int free;
    private int used;

    Chunk(RecordReader layout) {
      longs = new long[CHUNK * layout.longs()];
      refs = new @Nullable Object[CHUNK * layout.refs()];
      reader = layout.over(longs, refs);
      Arrays.setAll(next, i -> i + 1 < CHUNK ? i + 1 : NONE);
    }
  }

  /** Rows taken. */
  int used() {
    return used;
  }

  /** Rows that there is memory for; each is a number below that. */
  int size() {
    return chunks.size() * CHUNK;
  }

  /** Takes a row; it refers to nothing. */
  int take() {
    while (chunks.get(firstFree).used == CHUNK) {
      firstFree++;
      if (firstFree == chunks.size()) {
        addChunk();
      }
    }
    Chunk chunk = chunks.get(firstFree);
    int index = chunk.free;
    chunk.free = chunk.next[index];
    chunk.used++;
    used++;
    return firstFree << CHUNK_BITS | index;
  }

  private void addChunk() {
    chunks.add(new Chunk(layout));
    heldBytes.setOpaque(heldBytes.getPlain() + chunkBytes);
  }

  /** Copies a record into a row that was taken. */
  void put(int row, RecordReader record) {
    Chunk chunk = chunkOf(row);
    record.copyTo(chunk.longs, chunk.refs, row & CHUNK - 1);
  }

  /** Turns to a row that was taken. */
  RecordReader at(int row) {
    RecordReader reader = chunkOf(row).reader;
    reader.select(row & CHUNK - 1);
    return reader;
  }

  /** The link of a row that was taken. */
  int next(int row) {
    return chunkOf(row).next[row & CHUNK - 1];
  }

  void next(int row, int next) {
    chunkOf(row).next[row & CHUNK - 1] = next;
  }

  /** Gives a row back, with all that it refers to. */
  void giveBack(int row) {
    Chunk chunk = chunkOf(row);
    int index = row & CHUNK - 1;
    int r = index * layout.refs();
    Arrays.fill(chunk.refs, r, r + layout.refs(), null);
    chunk.next[index] = chunk.free;
    chunk.free = index;
    chunk.used--;
    used--;
    firstFree = Math.min(firstFree, row >>> CHUNK_BITS);
    if (chunk.used == 0) {
      removeEmptyChunks();
    }
  }

  /** Leaves one of those at the end, lest the next row need a new one. */
  private void removeEmptyChunks() {
    int last = chunks.size() - 1;
    while (last > 0 && chunks.get(last).used == 0 && chunks.get(last - 1).used == 0) {
      chunks.remove(last);
      heldBytes.setOpaque(heldBytes.getPlain() - chunkBytes);
      last--;
    }
  }

  private Chunk chunkOf(int row) {
    return chunks.get(row >>> CHUNK_BITS);
  }
}
