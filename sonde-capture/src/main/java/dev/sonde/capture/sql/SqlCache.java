// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/** Remembers the normalised form of the texts used last; for any thread. */
public final class SqlCache {
  /*
   * Second chance in place of strict recency: a hit sets a flag and moves nothing, so readers share
   * no written line once a text is warm. The flag is a plain field; a lost write costs a text one
   * round of the hand at worst.
   */
  private final SqlNormalizer normalizer;
  private final ConcurrentMap<String, Entry> entries;
  private final @Nullable Entry[] ring;
  private int size;
  private int hand;

  /**
   * Creates an empty cache.
   *
   * @param capacity texts kept; none is longer than {@link SqlNormalizer#MAX_LENGTH}
   */
  public SqlCache(SqlNormalizer normalizer, int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity must be >= 1, was " + capacity);
    }
    this.normalizer = normalizer;
    entries = new ConcurrentHashMap<>();
    ring = new @Nullable Entry[capacity];
  }

  /** The normalised form of a text. */
  public NormalizedSql get(String sql) {
    Entry entry = entries.get(sql);
    if (entry != null) {
      if (!entry.isUsed) {
        entry.isUsed = true;
      }
      return entry.normalized;
    }
    NormalizedSql normalized = normalizer.normalize(sql);
    if (sql.length() <= SqlNormalizer.MAX_LENGTH) {
      keep(new Entry(sql, normalized));
    }
    return normalized;
  }

  /** Texts that are kept now. */
  public int size() {
    return entries.size();
  }

  private void keep(Entry entry) {
    if (entries.putIfAbsent(entry.sql, entry) != null) {
      return;
    }
    synchronized (ring) {
      if (size < ring.length) {
        ring[size++] = entry;
        return;
      }
      // Bounded, should hits set flags as fast as this loop clears them.
      for (int i = 0; i < ring.length && clearUse(ring[hand]); i++) {
        hand = (hand + 1) % ring.length;
      }
      Entry evicted = ring[hand];
      if (evicted != null) {
        entries.remove(evicted.sql, evicted);
      }
      ring[hand] = entry;
      hand = (hand + 1) % ring.length;
    }
  }

  private static boolean clearUse(@Nullable Entry entry) {
    if (entry == null || !entry.isUsed) {
      return false;
    }
    entry.isUsed = false;
    return true;
  }

  private static final class Entry {
    private final String sql;
    private final NormalizedSql normalized;
    private boolean isUsed;

    Entry(String sql, NormalizedSql normalized) {
      this.sql = sql;
      this.normalized = normalized;
    }
  }
}
