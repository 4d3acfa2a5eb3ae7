// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import org.jspecify.annotations.Nullable;

/**
 * Writes one event into the slot that a {@link SegmentRing} has claimed for it.
 *
 * <p>Runs on the producer's thread between claim and publication: it only copies, and keeps neither
 * array. Keep instances in {@code static final} fields, so that the compiler sees through the call.
 *
 * @param <E> what it reads from
 */
@FunctionalInterface
public interface SlotEncoder<E> {
  /**
   * Copies {@code source} into the slot; values that are not written are those of an older event.
   *
   * @param longs holds the slot's primitives from index {@code l}
   * @param refs holds the slot's references from index {@code r}, all null on entry
   */
  void encode(E source, long[] longs, int l, @Nullable Object[] refs, int r);
}
