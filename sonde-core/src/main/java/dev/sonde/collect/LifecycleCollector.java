// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.event.LifecycleEvent;

/**
 * Takes the lifecycle events of a server's connections.
 *
 * <p>Called from every worker thread at once, on the request's own time: an implementation is
 * thread-safe, quick, and does not throw.
 */
@FunctionalInterface
public interface LifecycleCollector {
  /** Takes one event. */
  void record(LifecycleEvent event);

  /**
   * Whether events are wanted at all; adapters ask before they build one.
   *
   * <p>The answer may not change during the life of the collector.
   */
  default boolean isEnabled() {
    return true;
  }
}
