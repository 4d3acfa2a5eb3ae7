// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.event.LifecycleEvent;

/** Takes nothing, so that adapters build nothing: they ask {@link #isEnabled()} first. */
public final class NoopCollector implements LifecycleCollector {
  /** The one instance; it has no state. */
  public static final NoopCollector INSTANCE = new NoopCollector();

  private NoopCollector() {}

  @Override
  public void record(LifecycleEvent event) {}

  /** Always false. */
  @Override
  public boolean isEnabled() {
    return false;
  }
}
