// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import dev.sonde.stats.GroupHandle;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;

/** The slowest requests of each route, by their rows. */
final class SlowRoutes {
  static final int PER_ROUTE = 20;
  static final int MAX_ROUTES = 256;

  private static final long WINDOW_NANOS = 15L * 60 * 1_000_000_000;

  /** With its arrays and its entry of the map. */
  private static final int ROUTE_BYTES = 200 + PER_ROUTE * (2 * Long.BYTES + Integer.BYTES);

  private final IntConsumer leave;
  private final AtomicLong heldBytes;
  private final Map<GroupHandle, Route> byHandle = new HashMap<>();

  // Kept in order of their last request, routes in turn would each store half a dozen references;
  // so a hand goes round and takes the first that was not seen since it came by.
  private final List<Route> routes = new ArrayList<>();
  private int hand;

  /**
   * Without requests.
   *
   * @param leave told of each row that is none of the slowest any more
   * @param heldBytes to which the bytes of all routes are added
   */
  SlowRoutes(IntConsumer leave, AtomicLong heldBytes) {
    this.leave = leave;
    this.heldBytes = heldBytes;
  }

  /** The slowest requests of one route, slowest first. */
  static final class Route {
    private GroupHandle handle;
    private boolean isSeen;
    private final int[] rows = new int[PER_ROUTE];
    private final long[] durationsNanos = new long[PER_ROUTE];
    private final long[] endsNanos = new long[PER_ROUTE];
    private int size;
    private long oldestNanos;

    private Route(GroupHandle handle) {
      this.handle = handle;
    }

    GroupHandle handle() {
      return handle;
    }

    /** Shows the rows of those that ended within the last minutes, slowest first. */
    void forEach(long nowNanos, IntConsumer action) {
      for (int i = 0; i < size; i++) {
        if (!isExpired(endsNanos[i], nowNanos)) {
          action.accept(rows[i]);
        }
      }
    }

    private boolean takes(long durationNanos) {
      return size < PER_ROUTE || durationNanos > durationsNanos[PER_ROUTE - 1];
    }

    private boolean hasExpired(long nowNanos) {
      return size > 0 && isExpired(oldestNanos, nowNanos);
    }

    private void insert(int row, long durationNanos, long endNanos) {
      int at = size;
      while (at > 0 && durationsNanos[at - 1] < durationNanos) {
        copy(at - 1, at);
        at--;
      }
      rows[at] = row;
      durationsNanos[at] = durationNanos;
      endsNanos[at] = endNanos;
      size++;
    }

    private void copy(int from, int to) {
      rows[to] = rows[from];
      durationsNanos[to] = durationsNanos[from];
      endsNanos[to] = endsNanos[from];
    }

    private void findOldest() {
      oldestNanos = size == 0 ? 0 : endsNanos[0];
      for (int i = 1; i < size; i++) {
        if (endsNanos[i] - oldestNanos < 0) {
          oldestNanos = endsNanos[i];
        }
      }
    }
  }

  private static boolean isExpired(long endNanos, long nowNanos) {
    return nowNanos - endNanos > WINDOW_NANOS;
  }

  /** Routes of which requests are kept. */
  List<Route> routes() {
    return routes;
  }

  /**
   * Adds a request if it is one of the slowest of its route.
   *
   * @return whether it is
   */
  boolean add(GroupHandle handle, int row, long durationNanos, long endNanos) {
    Route route = byHandle.get(handle);
    if (route == null) {
      route = open(handle);
    }
    route.isSeen = true;
    if (route.hasExpired(endNanos)) {
      expire(route, endNanos);
    }
    if (!route.takes(durationNanos)) {
      return false;
    }
    if (route.size == PER_ROUTE) {
      route.size--;
      leave.accept(route.rows[route.size]);
    }
    route.insert(row, durationNanos, endNanos);
    route.findOldest();
    return true;
  }

  private Route open(GroupHandle handle) {
    Route route;
    if (routes.size() < MAX_ROUTES) {
      route = new Route(handle);
      routes.add(route);
      heldBytes.setOpaque(heldBytes.getPlain() + ROUTE_BYTES);
    } else {
      route = routes.get(nextToForget());
      forget(route);
      route.handle = handle;
    }
    byHandle.put(handle, route);
    return route;
  }

  private int nextToForget() {
    while (routes.get(hand).isSeen) {
      routes.get(hand).isSeen = false;
      hand = (hand + 1) % routes.size();
    }
    int found = hand;
    hand = (hand + 1) % routes.size();
    return found;
  }

  private void forget(Route route) {
    byHandle.remove(route.handle);
    while (route.size > 0) {
      route.size--;
      leave.accept(route.rows[route.size]);
    }
  }

  private void expire(Route route, long nowNanos) {
    int kept = 0;
    for (int i = 0; i < route.size; i++) {
      if (isExpired(route.endsNanos[i], nowNanos)) {
        leave.accept(route.rows[i]);
      } else {
        route.copy(i, kept++);
      }
    }
    route.size = kept;
    route.findOldest();
  }

  /** Forgets a route that was not seen for long, with its requests; not if there is none. */
  void forgetOne() {
    int index = nextToForget();
    forget(routes.get(index));
    routes.remove(index);
    heldBytes.setOpaque(heldBytes.getPlain() - ROUTE_BYTES);
    hand = 0;
  }
}
