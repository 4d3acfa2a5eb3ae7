// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.digest.RecentRequests.SlowRoute;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the newest requests and the slowest of each route, with the calls and statements within
 * them.
 *
 * <p>Calls and statements usually arrive before the end of their request; they wait in a group
 * under the id of the process's outermost span. Everything is bounded: requests, routes, groups,
 * children per request, and the bytes of it all, texts included. Where these are too many, the
 * group that has waited or been kept for longest loses its calls, statements and stack first; then
 * the oldest requests go. One thread writes, any may read.
 */
final class RecentStore {
  static final int DEFAULT_CAPACITY = 1_000;

  private static final int SLOWEST_PER_ROUTE = 20;
  private static final int MAX_SLOW_ROUTES = 256;
  private static final long SLOW_WINDOW_NANOS = 15L * 60 * 1_000_000_000;
  private static final int MAX_GROUPS = 2_048;
  private static final int MAX_CHILDREN_PER_REQUEST = 128;
  private static final int MAX_HELD = 32_768;

  /** At most this much is kept when a record has been digested. */
  static final long MAX_BYTES = 24L << 20;

  /** What one record can add before that: a statement, or an error with its longest stack. */
  private static final long MAX_RECORD_BYTES = 256L << 10;

  // Sizes without texts. Texts are counted as if nothing else shared them, at 2 bytes a character.
  private static final long REQUEST_BYTES = 480;
  private static final long CHILD_BYTES = 200;
  private static final long CHAR_BYTES = 2;

  private final @Nullable Group[] newest;
  private long ended;

  /** Requests in {@link #newest} by their span, for children that arrive late. */
  private final Map<Long, Group> bySpan = new HashMap<>();

  /** Groups whose request has not ended, oldest first. */
  private final LinkedHashMap<Long, Group> waiting = new LinkedHashMap<>();

  /** Slowest requests by method and route, the route seen last at the end. */
  private final LinkedHashMap<String, List<Group>> slowest = new LinkedHashMap<>(16, 0.75f, true);

  /** Groups with calls, statements or a stack, in the order in which they got the first. */
  private final LinkedHashSet<Group> detailed = new LinkedHashSet<>();

  private int held;
  private long bytes;

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

    /** Id of its outermost span. */
    private final long spanId;

    private double weight = 1;
    private int places;

    /** Bytes of children and stack; those of children that are only held counted apart. */
    private long detailBytes;

    private long onlyHeldBytes;
    private long requestBytes;

    Group(long spanId) {
      this.spanId = spanId;
    }

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
      group = waiting.get(localRootSpanId);
      if (group == null) {
        group = new Group(localRootSpanId);
        group.requestBytes = REQUEST_BYTES;
        bytes += REQUEST_BYTES;
        waiting.put(localRootSpanId, group);
      }
    }
    boolean isHeld = hold && !group.hasEnded();
    boolean isKept = keep(group, child);
    if (isHeld) {
      if (group.held.isEmpty()) {
        group.held = new ArrayList<>();
      }
      group.held.add(child);
      held++;
    }
    if (isKept || isHeld) {
      long size = bytesOf(child);
      bytes += size;
      detailed.add(group);
      if (isKept) {
        group.detailBytes += size;
      } else {
        group.onlyHeldBytes += size;
      }
    }
    return group;
  }

  private static boolean keep(Group group, ProfileEvent child) {
    int size = group.functions.size() + group.statements.size();
    if (size >= MAX_CHILDREN_PER_REQUEST) {
      group.omitted++;
      return false;
    }
    if (child instanceof FunctionEvent function) {
      group.functions.add(function);
    } else if (child instanceof DatabaseEvent statement) {
      group.statements.add(statement);
    }
    return true;
  }

  private static long bytesOf(ProfileEvent child) {
    long chars = 0;
    if (child instanceof FunctionEvent function) {
      chars = length(function.function()) + length(function.exceptionType());
    } else if (child instanceof DatabaseEvent statement) {
      chars =
          length(statement.vendor())
              + length(statement.database())
              + length(statement.operation())
              + length(statement.target())
              + length(statement.query())
              + length(statement.errorCode());
    }
    return CHILD_BYTES + chars * CHAR_BYTES;
  }

  private static long length(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  /** Takes the group of an outermost span that is no request; what it holds comes back. */
  synchronized List<ProfileEvent> release(long localRootSpanId) {
    Group group = waiting.remove(localRootSpanId);
    return group == null ? List.of() : dissolve(group);
  }

  /**
   * Makes room if there are too many groups, too much is held, or too many bytes are: returns what
   * was held for the group that went, or null if there is room enough.
   */
  synchronized @Nullable List<ProfileEvent> releaseExcess() {
    if (waiting.size() > MAX_GROUPS || held > MAX_HELD) {
      return releaseOldest();
    }
    while (bytes > MAX_BYTES) {
      var groups = detailed.iterator();
      if (!groups.hasNext()) {
        forgetOldestRequest();
        continue;
      }
      Group oldest = groups.next();
      if (!oldest.hasEnded()) {
        waiting.remove(oldest.spanId);
        return dissolve(oldest);
      }
      forgetDetails(oldest);
    }
    return null;
  }

  private void forgetOldestRequest() {
    for (long i = Math.max(0, ended - newest.length); i < ended; i++) {
      int index = (int) (i % newest.length);
      if (newest[index] != null) {
        leaveNewest(index);
        return;
      }
    }
    forgetSlowRoute();
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

  /** Of a group that waits no more and has no request. */
  private List<ProfileEvent> dissolve(Group group) {
    List<ProfileEvent> taken = takeHeld(group);
    forget(group);
    return taken;
  }

  private List<ProfileEvent> takeHeld(Group group) {
    List<ProfileEvent> taken = group.held;
    group.held = List.of();
    held -= taken.size();
    bytes -= group.onlyHeldBytes;
    group.onlyHeldBytes = 0;
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
      group = new Group(request.spanId());
    }
    ErrorInfo error = request.error();
    if (error != null) {
      group.detailBytes += stackBytes(error);
      bytes += stackBytes(error);
      detailed.add(group);
    }
    bytes -= group.requestBytes;
    group.requestBytes = bytesOf(routeKey, request, httpVersion);
    bytes += group.requestBytes;
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

  private static long bytesOf(String routeKey, RequestEvent request, String httpVersion) {
    ErrorInfo error = request.error();
    long chars =
        length(routeKey)
            + length(request.method())
            + length(request.route())
            + length(request.path())
            + length(httpVersion)
            + (error == null ? 0 : length(error.type()));
    return REQUEST_BYTES + chars * CHAR_BYTES;
  }

  private static long stackBytes(ErrorInfo error) {
    return (length(error.message()) + length(error.stack())) * CHAR_BYTES;
  }

  private void addNewest(Group group, RequestEvent request) {
    int index = (int) (ended++ % newest.length);
    leaveNewest(index);
    newest[index] = group;
    group.places++;
    bySpan.put(request.spanId(), group);
  }

  private void leaveNewest(int index) {
    Group oldest = newest[index];
    if (oldest != null) {
      newest[index] = null;
      bySpan.remove(oldest.spanId, oldest);
      leavePlace(oldest);
    }
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
      leavePlace(slow.remove(slow.size() - 1));
    }
    int at = 0;
    while (at < slow.size() && duration(slow.get(at)) >= request.durationNanos()) {
      at++;
    }
    slow.add(at, group);
    group.places++;
  }

  private void expire(List<Group> slow, long nowNanos) {
    slow.removeIf(
        group -> {
          boolean isOld = isExpired(group, nowNanos);
          if (isOld) {
            leavePlace(group);
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
      forgetSlowRoute();
    }
  }

  private void forgetSlowRoute() {
    var routes = slowest.values().iterator();
    routes.next().forEach(this::leavePlace);
    routes.remove();
  }

  private void leavePlace(Group group) {
    group.places--;
    if (group.places == 0) {
      forget(group);
    }
  }

  private void forget(Group group) {
    forgetDetails(group);
    bytes -= group.requestBytes;
    group.requestBytes = 0;
  }

  /** Leaves a group with its request alone. */
  private void forgetDetails(Group group) {
    detailed.remove(group);
    bytes -= group.detailBytes;
    group.detailBytes = 0;
    group.omitted += group.functions.size() + group.statements.size();
    group.functions.clear();
    group.statements.clear();
    RequestEvent request = group.request;
    if (request != null && request.error() != null) {
      group.request = EventBuilder.withoutStack(request);
    }
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

  /** Estimate of the bytes held now, with all texts. */
  synchronized long memoryBytes() {
    return newest.length * 4L + bytes;
  }

  /** Estimate of the bytes held at most. */
  long memoryBoundBytes() {
    return newest.length * 4L + MAX_BYTES + MAX_RECORD_BYTES;
  }
}
