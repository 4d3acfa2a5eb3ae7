// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/**
 * Keeps two objects on cache lines of their own.
 *
 * <p>Connections that were opened together lie side by side in memory, and different threads write
 * to them.
 */
@SuppressWarnings("unused")
abstract class Padding {
  private long p0, p1, p2, p3, p4, p5, p6;

  Padding() {}
}
