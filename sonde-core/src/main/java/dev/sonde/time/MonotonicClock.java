// SPDX-License-Identifier: Apache-2.0
package dev.sonde.time;

/**
 * Time that never steps back, for durations and for the order of events.
 *
 * <p>Readings are nanoseconds from an arbitrary origin, which differs between processes and may be
 * negative; only differences mean something.
 */
@FunctionalInterface
public interface MonotonicClock {
  /** The current reading in nanoseconds; may be called from any thread. */
  long nanoTime();

  /** The clock of the JVM. */
  static MonotonicClock system() {
    return System::nanoTime;
  }
}
