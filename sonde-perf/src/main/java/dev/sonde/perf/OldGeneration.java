// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

/**
 * Where the structures of a long-running server live.
 *
 * <p>A benchmark that allocates nothing would keep them in the young generation for ever, where
 * storing a reference is cheaper: in an old region G1 follows the store by a fence and a look at
 * the card table.
 */
final class OldGeneration {
  private OldGeneration() {}

  /** Moves all that lives there: a full collection of G1 leaves nothing in young regions. */
  static void promote() {
    System.gc();
    System.gc();
  }
}
