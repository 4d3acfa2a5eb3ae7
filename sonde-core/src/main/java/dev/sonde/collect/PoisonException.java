// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import org.jspecify.annotations.Nullable;

/**
 * Says that a sink took a batch except for single elements that it can never take.
 *
 * <p>A sink throws it after the rest of the batch has been taken. The elements are counted as
 * poison and not offered again; the call counts as a success, so that no content of an event can
 * switch a sink off.
 */
public final class PoisonException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int poisoned;

  /**
   * Creates the report of one batch.
   *
   * @param poisoned how many elements were left out, at least 1
   * @param first what went wrong with the first of them
   */
  public PoisonException(int poisoned, @Nullable Throwable first) {
    super(poisoned + " elements of a batch could not be written", first);
    if (poisoned < 1) {
      throw new IllegalArgumentException("poisoned must be >= 1, was " + poisoned);
    }
    this.poisoned = poisoned;
  }

  /** How many elements of the batch were left out. */
  public int poisoned() {
    return poisoned;
  }
}
