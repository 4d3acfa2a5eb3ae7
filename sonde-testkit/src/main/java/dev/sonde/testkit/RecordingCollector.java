// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Keeps every lifecycle event in the order in which it was recorded; thread-safe. */
public final class RecordingCollector implements LifecycleCollector {
  private final List<LifecycleEvent> events = new ArrayList<>();

  @Override
  public void record(LifecycleEvent event) {
    Objects.requireNonNull(event, "event");
    synchronized (events) {
      events.add(event);
    }
  }

  /** All events so far. */
  public List<LifecycleEvent> events() {
    synchronized (events) {
      return List.copyOf(events);
    }
  }

  /** Events of the latest connection from a client's port, or null if it was not opened yet. */
  public @Nullable ConnectionTrace connectionFrom(int clientPort) {
    List<LifecycleEvent> all = events();
    for (int i = all.size() - 1; i >= 0; i--) {
      if (all.get(i) instanceof ConnectionOpened opened && opened.clientPort() == clientPort) {
        return ConnectionTrace.of(opened.connectionId(), all);
      }
    }
    return null;
  }

  /** Events of each connection, in the order in which the connections were first seen. */
  public List<ConnectionTrace> connections() {
    return ConnectionTrace.split(events());
  }
}
