// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The events of one connection in the order in which they were recorded.
 *
 * @param events all of one connection id
 */
public record ConnectionTrace(List<LifecycleEvent> events) {
  /** Those of {@code all} that belong to a connection. */
  public static ConnectionTrace of(long connectionId, List<LifecycleEvent> all) {
    return new ConnectionTrace(
        all.stream().filter(event -> event.connectionId() == connectionId).toList());
  }

  /** Parts events by connection. */
  public static List<ConnectionTrace> split(List<LifecycleEvent> all) {
    Map<Long, List<LifecycleEvent>> byConnection = new LinkedHashMap<>();
    for (LifecycleEvent event : all) {
      byConnection.computeIfAbsent(event.connectionId(), id -> new ArrayList<>()).add(event);
    }
    return byConnection.values().stream().map(ConnectionTrace::new).toList();
  }

  /**
   * The sequence in one line, such as {@code O S R200 C(complete)}: opened, started (with an
   * asterisk if malformed), completed with its status, disconnected, closed with its reason.
   */
  public String shape() {
    StringBuilder shape = new StringBuilder();
    for (LifecycleEvent event : events) {
      shape.append(shape.isEmpty() ? "" : " ").append(letter(event));
    }
    return shape.toString();
  }

  /** Whether its close was recorded. */
  public boolean isClosed() {
    return !all(ConnectionClosed.class).isEmpty();
  }

  /** The event of which there must be exactly one. */
  public <E extends LifecycleEvent> E only(Class<E> type) {
    List<E> found = all(type);
    if (found.size() != 1) {
      throw new AssertionError("expected one " + type.getSimpleName() + " in: " + shape());
    }
    return found.get(0);
  }

  /** The events of one kind. */
  public <E extends LifecycleEvent> List<E> all(Class<E> type) {
    return events.stream().filter(type::isInstance).map(type::cast).toList();
  }

  private static String letter(LifecycleEvent event) {
    if (event instanceof ConnectionOpened) {
      return "O";
    }
    if (event instanceof RequestStarted started) {
      return started.method().equals("-") ? "S*" : "S";
    }
    if (event instanceof ResponseCompleted completed) {
      return "R" + completed.status();
    }
    if (event instanceof ClientDisconnected) {
      return "D";
    }
    return "C(" + ((ConnectionClosed) event).reason().jsonName() + ")";
  }
}
