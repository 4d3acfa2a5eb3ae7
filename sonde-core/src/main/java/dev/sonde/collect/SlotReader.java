// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import org.jspecify.annotations.Nullable;

/** Reads one slot of a {@link SegmentRing}; the arrays are the ring's own and valid in the call. */
@FunctionalInterface
public interface SlotReader {
  /**
   * Takes one event: a consumer's reader on its thread, oldest first; one told of drops on any.
   *
   * @param timestampNanos the time given to {@link SegmentRing#put}
   * @param longs holds the slot's primitives from index {@code l}
   * @param refs holds the slot's references from index {@code r}
   */
  void read(long timestampNanos, long[] longs, int l, @Nullable Object[] refs, int r);
}
