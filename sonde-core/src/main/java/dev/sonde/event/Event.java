// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/**
 * Something that happened in the observed server.
 *
 * <p>Events are immutable and do not validate: an observer reports what it saw.
 */
public sealed interface Event permits LifecycleEvent, ProfileEvent {
  /**
   * Monotonic time in nanoseconds at which it happened, from the process's {@code MonotonicClock}.
   *
   * <p>It orders events of one process and has no meaning outside of it; a {@code ClockAnchor}
   * turns it into a date.
   */
  long timestampNanos();

  /** Name of the kind in JSON, the value of {@code "type"}. */
  String type();
}
