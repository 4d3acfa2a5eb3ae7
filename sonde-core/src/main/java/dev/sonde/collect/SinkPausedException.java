// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import org.jspecify.annotations.Nullable;

/**
 * Says that a sink lost events, knows why, and will resume by itself.
 *
 * <p>A sink throws it when what it writes to is gone for a while, such as a full disk. The events
 * are counted as lost to the sink, those that it can never take as poison, but the call does not
 * bring the sink nearer to being switched off: it looks for the end of the trouble more often than
 * the collector would.
 */
public final class SinkPausedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int lost;
  private final int poisoned;

  /**
   * Creates the report of one batch without poison.
   *
   * @param lost how many of its events were lost, 0 or more; the others were taken
   * @param cause what stands in the way, or null if it was told before
   */
  public SinkPausedException(int lost, @Nullable Throwable cause) {
    this(lost, 0, cause);
  }

  /**
   * Creates the report of one batch.
   *
   * @param lost how many of its events were lost, 0 or more
   * @param poisoned how many others can never be taken, 0 or more; the rest was taken
   * @param cause what stands in the way, or null if it was told before
   */
  public SinkPausedException(int lost, int poisoned, @Nullable Throwable cause) {
    super(lost + " events of a batch could not be written for now", cause);
    if (lost < 0 || poisoned < 0) {
      throw new IllegalArgumentException(
          "lost and poisoned must be >= 0, were " + lost + " and " + poisoned);
    }
    this.lost = lost;
    this.poisoned = poisoned;
  }

  /** How many events of the batch were lost. */
  public int lost() {
    return lost;
  }

  /** How many events of the batch can never be taken, as in {@link PoisonException}. */
  public int poisoned() {
    return poisoned;
  }
}
