// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.collect.LifecycleOutlet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** What the adapter of a server under test tells its listeners to, and how that went. */
public final class ObservedListeners implements BiFunction<String, Set<Capability>, ListenerScope> {
  private final @Nullable LifecycleOutlet outlet;
  private final List<ListenerScope> scopes = new CopyOnWriteArrayList<>();

  /**
   * @param collector what gets the events, or null for a bare server
   */
  public ObservedListeners(@Nullable LifecycleCollector collector) {
    outlet = collector == null ? null : new LifecycleOutlet(collector);
  }

  /** Whether the server is to run without an adapter. */
  public boolean isBare() {
    return outlet == null;
  }

  /** Whether the collector wants events. */
  public boolean isEnabled() {
    return outlet != null && outlet.isEnabled();
  }

  @Override
  public ListenerScope apply(String name, Set<Capability> capabilities) {
    LifecycleOutlet known = outlet;
    if (known == null) {
      throw new IllegalStateException("a bare server has no listeners");
    }
    ListenerScope scope = new ListenerScope(name, capabilities, known);
    scopes.add(scope);
    return scope;
  }

  int openConnectionStates() {
    return scopes.stream().mapToInt(scope -> scope.openConnections().size()).sum();
  }

  long collectorFailures() {
    return outlet == null ? 0 : outlet.failures();
  }

  /** Fails with what the adapter threw first, if it did. */
  public void assertNoFaults() {
    for (ListenerScope scope : scopes) {
      if (scope.faults() > 0) {
        throw new AssertionError(
            "the adapter failed " + scope.faults() + " times", scope.firstFault());
      }
    }
  }
}
