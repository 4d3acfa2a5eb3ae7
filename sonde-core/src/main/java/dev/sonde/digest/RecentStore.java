// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.digest.RecentRequests.SlowRoute;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the newest requests and the slowest of each route, with the calls and statements within
 * them.
 *
 * <p>Calls and statements usually arrive before the end of their request; they wait in a group
 * under the id of the process's outermost span. Everything is bounded: requests, routes, groups,
 * children per request, children in all. One thread writes, any may read.
 */
final class RecentStore {
  static final int DEFAULT_CAPACITY = 1_000;

  private static final int SLOWEST_PER_ROUTE = 20;
  private static final int MAX_SLOW_ROUTES = 256;
  private static final long SLOW_WINDOW_NANOS = 15L * 60 * 1_000_000_000;
  private static final int MAX_GROUPS = 2_048;
  private static final int MAX_CHILDREN_PER_REQUEST = 128;
  private static final int MAX_CHILDREN = 32_768;

  // Rough sizes of what is held: objects, lists and texts of usual length.
  private static final long REQUEST_BYTES = 480;
  private static final long CHILD_BYTES = 200;

  private final Group[] newest;
  private long ended;

  /** Requests in {@link #newest} by their span, for children that arrive late. */
  private final Map<Long, Group> bySpan = new HashMap<>();

  /** Groups whose request has not ended, oldest first. */
  private final LinkedHashMap<Long, Group> waiting = new LinkedHashMap<>();

  /** Slowest requests by method and route, the route seen last at the end. */
  private final LinkedHashMap<String, List<Group>> slowest = new LinkedHashMap<>(16, 0.75f, true);

  private int children;
  private int held;
  private int slowRequests;

  RecentStore(int capacity) {
    newest = new Group[capacity];
  }

  /** What is known of one request. */
  static final class Group {
    private @Nullable RequestEvent request;
    private int workerId;
    private long streamId;
    private String httpVersion = "";
    private long timeToFirstByteNanos;
    private final List<FunctionEvent> functions = new ArrayList<>(0);
    private final List<DatabaseEvent> statements = new ArrayList<>(0);
    private int omitted;

    /** Children whose passing on waits for the decision on their request. */
    private List<ProfileEvent> held = List.of();

    private double weight = 1;
    private int places;

    /** Weight that the request was given, known once it has ended. */
    double weight() {
      return weight;
    }

    boolean hasEnded() {
      return request != null;
    }
  }

  /**
   * Adds a call or a statement to the group of its outermost span.
   *
   * @param hold whether it is to come back from {@link #end} or {@link #release} if its request has
   *     not ended
   * @return the group, or null if it is not held and has no request to belong to
   */
  synchronized @Nullable Group add(long localRootSpanId, ProfileEvent child, boolean hold) {
    Group group = bySpan.get(localRootSpanId);
    if (group == null) {
      if (child.spanId() == localRootSpanId) {
        return null;
      }
      group = waiting.computeIfAbsent(localRootSpanId, id -> new Group());
    }
    keep(group, child);
    if (hold && !group.hasEnded()) {
      if (group.held.isEmpty()) {
        group.held = new ArrayList<>();
      }
      group.held.add(child);
      held++;
    }
    return group;
  }

  private void keep(Group group, ProfileEvent child) {
    int size = group.functions.size() + group.statements.size();
    if (size >= MAX_CHILDREN_PER_REQUEST || children >= MAX_CHILDREN) {
      group.omitted++;
      return;
    }
    children++;
    if (child instanceof FunctionEvent function) {
      group.functions.add(function);
    } else if (child instanceof DatabaseEvent statement) {
      group.statements.add(statement);
    }
  }

  /** Takes the group of an outermost span that is no request; what it holds comes back. */
  synchronized List<ProfileEvent> release(long localRootSpanId) {
    Group group = waiting.remove(localRootSpanId);
    return group == null ? List.of() : dissolve(group);
  }

  /** Takes the oldest group if there are too many, or too much is held; else null. */
  synchronized @Nullable List<ProfileEvent> releaseExcess() {
    if (waiting.size() <= MAX_GROUPS && held <= MAX_CHILDREN) {
      return null;
    }
    return releaseOldest();
  }

  /** Takes the oldest group; null if there is none. */
  synchronized @Nullable List<ProfileEvent> releaseOldest() {
    var groups = waiting.values().iterator();
    if (!groups.hasNext()) {
      return null;
    }
    Group oldest = groups.next();
    groups.remove();
    return dissolve(oldest);
  }

  private List<ProfileEvent> dissolve(Group group) {
    forgetChildren(group);
    return takeHeld(group);
  }

  private List<ProfileEvent> takeHeld(Group group) {
    List<ProfileEvent> taken = group.held;
    group.held = List.of();
    held -= taken.size();
    return taken;
  }

  /**
   * Adds a request that ended.
   *
   * @param routeKey method and route group, under which the slowest are kept
   * @return what was held for it
   */
  synchronized List<ProfileEvent> end(
      String routeKey,
      RequestEvent request,
      double weight,
      int workerId,
      long streamId,
      String httpVersion,
      long timeToFirstByteNanos) {
    Group group = waiting.remove(request.spanId());
    if (group == null) {
      group = new Group();
    }
    group.request = request;
    group.weight = weight;
    group.workerId = workerId;
    group.streamId = streamId;
    group.httpVersion = httpVersion;
    group.timeToFirstByteNanos = timeToFirstByteNanos;
    addNewest(group, request);
    addSlow(routeKey, group, request);
    return takeHeld(group);
  }

  private void addNewest(Group group, RequestEvent request) {
    int index = (int) (ended++ % newest.length);
    Group oldest = newest[index];
    if (oldest != null && oldest.request != null) {
      bySpan.remove(oldest.request.spanId(), oldest);
      leavePlace(oldest);
    }
    newest[index] = group;
    group.places++;
    bySpan.put(request.spanId(), group);
  }

  private void addSlow(String routeKey, Group group, RequestEvent request) {
    List<Group> slow = slowest.get(routeKey);
    if (slow == null) {
      slow = new ArrayList<>();
      slowest.put(routeKey, slow);
      forgetSlowRoutes();
    }
    expire(slow, request.timestampNanos());
    if (slow.size() == SLOWEST_PER_ROUTE
        && request.durationNanos() <= duration(slow.get(slow.size() - 1))) {
      return;
    }
    if (slow.size() == SLOWEST_PER_ROUTE) {
      leaveSlow(slow.remove(slow.size() - 1));
    }
    int at = 0;
    while (at < slow.size() && duration(slow.get(at)) >= request.durationNanos()) {
      at++;
    }
    slow.add(at, group);
    slowRequests++;
    group.places++;
  }

  private void expire(List<Group> slow, long nowNanos) {
    slow.removeIf(
        group -> {
          boolean isOld = isExpired(group, nowNanos);
          if (isOld) {
            leaveSlow(group);
          }
          return isOld;
        });
  }

  private static boolean isExpired(Group group, long nowNanos) {
    RequestEvent request = group.request;
    return request == null || nowNanos - request.timestampNanos() > SLOW_WINDOW_NANOS;
  }

  private void forgetSlowRoutes() {
    if (slowest.size() > MAX_SLOW_ROUTES) {
      var routes = slowest.values().iterator();
      routes.next().forEach(this::leaveSlow);
      routes.remove();
    }
  }

  private void leaveSlow(Group group) {
    slowRequests--;
    leavePlace(group);
  }

  private void leavePlace(Group group) {
    group.places--;
    if (group.places == 0) {
      forgetChildren(group);
    }
  }

  private void forgetChildren(Group group) {
    children -= group.functions.size() + group.statements.size();
    group.functions.clear();
    group.statements.clear();
  }

  private static long duration(Group group) {
    return group.request == null ? 0 : group.request.durationNanos();
  }

  /** Calls and statements whose passing on waits for their request. */
  synchronized int held() {
    return held;
  }

  /** What can be looked at now. */
  synchronized RecentRequests snapshot(long nowNanos) {
    List<RecentRequest> requests = new ArrayList<>((int) Math.min(ended, newest.length));
    for (long i = ended - 1; i >= 0 && i >= ended - newest.length; i--) {
      add(requests, newest[(int) (i % newest.length)]);
    }
    List<SlowRoute> routes = new ArrayList<>(slowest.size());
    slowest.forEach(
        (route, groups) -> {
          List<RecentRequest> slow = new ArrayList<>(groups.size());
          for (Group group : groups) {
            if (!isExpired(group, nowNanos)) {
              add(slow, group);
            }
          }
          if (!slow.isEmpty()) {
            routes.add(new SlowRoute(route, List.copyOf(slow)));
          }
        });
    routes.sort(Comparator.comparing(SlowRoute::route));
    return new RecentRequests(List.copyOf(requests), List.copyOf(routes));
  }

  /** The request with this number, or null if it is not kept. */
  synchronized @Nullable RecentRequest find(long requestId) {
    for (Group group : newest) {
      if (group != null && isRequest(group, requestId)) {
        return view(group);
      }
    }
    for (List<Group> groups : slowest.values()) {
      for (Group group : groups) {
        if (isRequest(group, requestId)) {
          return view(group);
        }
      }
    }
    return null;
  }

  private static boolean isRequest(Group group, long requestId) {
    return group.request != null && group.request.requestId() == requestId;
  }

  private static void add(List<RecentRequest> views, @Nullable Group group) {
    RecentRequest view = group == null ? null : view(group);
    if (view != null) {
      views.add(view);
    }
  }

  private static @Nullable RecentRequest view(Group group) {
    RequestEvent request = group.request;
    return request == null
        ? null
        : new RecentRequest(
            request,
            group.workerId,
            group.streamId,
            group.httpVersion,
            group.timeToFirstByteNanos,
            List.copyOf(group.functions),
            List.copyOf(group.statements),
            group.omitted);
  }

  /** Estimate of the bytes held now. */
  synchronized long memoryBytes() {
    long requests = Math.min(ended, newest.length) + slowRequests + waiting.size();
    return newest.length * 4L + requests * REQUEST_BYTES + children * CHILD_BYTES;
  }

  /** Estimate of the bytes held at most. */
  long memoryBoundBytes() {
    long requests = newest.length + (long) MAX_SLOW_ROUTES * SLOWEST_PER_ROUTE + MAX_GROUPS;
    return newest.length * 4L + requests * REQUEST_BYTES + MAX_CHILDREN * CHILD_BYTES;
  }
}
