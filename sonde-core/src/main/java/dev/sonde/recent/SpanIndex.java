// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import java.util.Arrays;

/** Finds the row of a span; of several with the same span, the one that was added last. */
final class SpanIndex {
  /** Bytes for each row that there may be. */
  static final int BYTES_PER_ROW = Long.BYTES + Integer.BYTES;

  private static final int BUCKET_BITS = 12;

  /** Bytes of an index without rows. */
  static final int BYTES = Integer.BYTES << BUCKET_BITS;

  /** 2^64 divided by the golden ratio: ids that are no random numbers spread as well. */
  private static final long SPREAD = 0x9E3779B97F4A7C15L;

  // Chains of rows with the same hash; row r is entry r + 1, and 0 ends a chain.
  private final int[] first = new int[1 << BUCKET_BITS];
  private int[] next = new int[1];
  private long[] spans = new long[1];

  /** The row of a span, or {@link RowPool#NONE}. */
  int find(long spanId) {
    int entry = first[bucketOf(spanId)];
    while (entry != 0 && spans[entry] != spanId) {
      entry = next[entry];
    }
    return entry - 1;
  }

  /** Adds a row that is not in the index. */
  void add(long spanId, int row) {
    int entry = row + 1;
    if (entry >= next.length) {
      next = Arrays.copyOf(next, 2 * entry);
      spans = Arrays.copyOf(spans, 2 * entry);
    }
    int bucket = bucketOf(spanId);
    spans[entry] = spanId;
    next[entry] = first[bucket];
    first[bucket] = entry;
  }

  /** Removes a row that is in the index. */
  void remove(int row) {
    int entry = row + 1;
    int bucket = bucketOf(spans[entry]);
    if (first[bucket] == entry) {
      first[bucket] = next[entry];
      return;
    }
    int before = first[bucket];
    while (next[before] != entry) {
      before = next[before];
    }
    next[before] = next[entry];
  }

  private static int bucketOf(long spanId) {
    return (int) ((spanId * SPREAD) >>> (Long.SIZE - BUCKET_BITS));
  }
}
