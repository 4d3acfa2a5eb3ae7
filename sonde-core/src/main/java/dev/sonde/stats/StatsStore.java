// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.capture.RouteNormalizer;
import dev.sonde.event.CloseReason;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.stats.GroupHandle.Budget;
import dev.sonde.stats.GroupHandle.Registry;
import dev.sonde.stats.GroupHandle.Timeline;
import dev.sonde.stats.GroupSnapshot.Counters;
import dev.sonde.stats.GroupSnapshot.Latency;
import dev.sonde.stats.GroupSnapshot.Sum;
import dev.sonde.stats.StatsSnapshot.Ended;
import dev.sonde.stats.StatsSnapshot.Streams;
import dev.sonde.time.MonotonicClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Statistics of a rolling window, exact for all of the traffic.
 *
 * <p>Recording may be done by any thread and takes no lock. It needs no thread of its own: {@link
 * #snapshot()} does what is due. Calling {@link #roll()} once a second keeps that work small.
 *
 * <p>Every timestamp is a reading of the store's {@link MonotonicClock}.
 */
public final class StatsStore {
  private static final int TARGET_SLOTS = 90;
  private static final int MAX_CLOSE_DETAILS = 64;

  /** What all groups, the heat map and the slack below hold at most. */
  private static final long BOUND_BYTES = 16L << 20;

  /**
   * What is not refused when memory is full: overflow groups that use every octave, and the slots
   * that run at that moment, once they are closed.
   */
  private static final long SLACK_BYTES = 1 << 20;

  /** The route of requests that matched none, so that made-up paths are no routes. */
  public static final String UNMATCHED = "<unmatched>";

  private static final int NOT_FOUND = 404;

  private final Timeline timeline;
  private final HeatMap.Live heatMap;
  private final Budget budget;
  private final Registry routes;
  private final Registry functions;
  private final Registry statements;
  private final Registry closings;
  private final Registry openings;
  private final Registry rejections;

  // Of streams, under the same names in both.
  private final Registry lifetimes;
  private final Registry firstBytes;

  // Under the names of their routes, requests that took longer than their application: how long
  // they took, and how long they would have taken without the wait. Those of which the wait is
  // unknown are in the first alone. What is in neither took as long as its application.
  private final Registry waited;
  private final Registry unwaited;
  private final LongAdder excluded = new LongAdder();
  private final LongAdder opened = new LongAdder();
  private final LongAdder closed = new LongAdder();
  private volatile LongSupplier inFlight = () -> 0;
  private volatile Supplier<Map<StreamKind, Long>> openStreams = Map::of;
  private volatile Runnable settle = () -> {};

  /** A store that begins now. */
  public StatsStore(StatsConfig config, MonotonicClock clock) {
    int windowSeconds = (int) config.window().toSeconds();
    int slotSeconds = (windowSeconds + TARGET_SLOTS - 1) / TARGET_SLOTS;
    int slots = (windowSeconds + slotSeconds - 1) / slotSeconds;
    timeline = new Timeline(clock, clock.nanoTime(), slotSeconds, slots);
    heatMap = new HeatMap.Live(slots);
    budget = new Budget(BOUND_BYTES - SLACK_BYTES - heatMap.bytes());
    routes = new Registry(config.maxRoutes(), timeline, budget, heatMap);
    functions = new Registry(config.maxFunctions(), timeline, budget, null);
    statements = new Registry(config.maxStatements(), timeline, budget, null);
    closings = new Registry(MAX_CLOSE_DETAILS, timeline, budget, null);
    openings = new Registry(1, timeline, budget, null);
    rejections = new Registry(1, timeline, budget, null);
    lifetimes = new Registry(config.maxRoutes(), timeline, budget, null);
    firstBytes = new Registry(config.maxRoutes(), timeline, budget, null);
    waited = new Registry(config.maxRoutes(), timeline, budget, null);
    unwaited = new Registry(config.maxRoutes(), timeline, budget, null);
  }

  /**
   * The group of a method and a route.
   *
   * @param method as sent; an unknown one becomes {@code _OTHER}
   * @param route template such as {@code /users/{id}}; never a raw path
   */
  public GroupHandle route(String method, String route) {
    return routes.intern(RouteNormalizer.method(method), route);
  }

  /**
   * The group of a request whose route may be unknown: then its path is normalised by {@link
   * RouteNormalizer}, and one that was not found (404) becomes {@code <unmatched>}.
   */
  public GroupHandle route(String method, @Nullable String route, String path, int status) {
    return route(method, nameOf(route, path, status));
  }

  /** The group of the streams of a kind, by route as for a request. */
  public GroupHandle stream(StreamKind kind, @Nullable String route, String path, int status) {
    return lifetimes.intern(kind.jsonName(), nameOf(route, path, status));
  }

  private static String nameOf(@Nullable String route, String path, int status) {
    if (route != null) {
      return route;
    }
    return status == NOT_FOUND ? UNMATCHED : RouteNormalizer.normalize(path);
  }

  /** The group of a function. */
  public GroupHandle function(String name) {
    return functions.intern("", name);
  }

  /**
   * The group of a statement.
   *
   * @param vendor such as {@code postgresql}
   * @param statement normalised text, or the operation where there is no text
   */
  public GroupHandle statement(String vendor, String statement) {
    return statements.intern(vendor, statement);
  }

  /**
   * Sets who knows how many requests have begun and not ended; a snapshot asks once. Nobody at
   * first, which counts as 0.
   */
  public void inFlight(LongSupplier gauge) {
    inFlight = gauge;
  }

  /** Sets who knows how many streams are open, by kind; a snapshot asks once. Nobody at first. */
  public void openStreams(Supplier<Map<StreamKind, Long>> gauge) {
    openStreams = gauge;
  }

  /**
   * What to call before each snapshot, to have that recorded which was reported and still waits.
   */
  public void settle(Runnable bringIn) {
    settle = bringIn;
  }

  /** Counts a request that the sampling rules exclude, and that is counted nowhere else. */
  public void requestExcluded() {
    excluded.increment();
  }

  /**
   * Counts a request that ended.
   *
   * @param route its group
   * @param status HTTP status code, or 0 if no response head was sent
   * @param outcome how it ended
   * @param isError whether the server failed, as {@code RequestEvent.isError()} has it
   * @param durationNanos nanoseconds it took; a negative one counts as 0
   * @param bytesIn body bytes received
   * @param bytesOut body bytes sent
   * @param timestampNanos monotonic time of its end
   */
  public void recordRequest(
      GroupHandle route,
      int status,
      Outcome outcome,
      boolean isError,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      long timestampNanos) {
    int outcomeCounter =
        outcome == Outcome.COMPLETED ? Group.OUTCOME_NONE : Counters.ofOutcome(outcome);
    route
        .attached()
        .record(
            timeline.secondOf(timestampNanos),
            Math.max(0, durationNanos),
            Math.max(0, status),
            outcomeCounter,
            isError,
            bytesIn,
            bytesOut);
  }

  /**
   * Tells of a request that {@link #recordRequest} counts how long it waited for its client.
   *
   * @param durationNanos nanoseconds it took in all
   * @param blockedNanos nanoseconds of these in which its response waited, or -1 if unknown
   */
  public void recordBlocked(
      GroupHandle route, long durationNanos, long blockedNanos, long timestampNanos) {
    GroupHandle counted = route.attached().handle();
    boolean isKnown = blockedNanos >= 0;
    if (isKnown) {
      counted.tellsBlocked();
    } else if (!counted.hasToldBlocked()) {
      counted.untold(timeline.secondOf(timestampNanos));
      return;
    }
    long rest = Math.max(0, durationNanos - Math.max(0, blockedNanos));
    if (isKnown && Buckets.slotOf(rest) == Buckets.slotOf(Math.max(0, durationNanos))) {
      return;
    }
    GroupHandle before = waited.intern(counted.kind(), counted.name());
    GroupHandle after = unwaited.intern(counted.kind(), counted.name());
    if (before == waited.other() || after == unwaited.other()) {
      counted.untold(timeline.secondOf(timestampNanos));
      return;
    }
    record(before, false, 0, 0, durationNanos, timestampNanos);
    if (isKnown) {
      record(after, false, 0, 0, rest, timestampNanos);
    }
  }

  /**
   * Counts a stream that ended.
   *
   * @param stream its group
   * @param status HTTP status code of the response that began it, or 0 if none was sent
   * @param outcome how it ended
   * @param isError whether the server failed
   * @param firstByteNanos nanoseconds until its response began, or -1 if unknown
   * @param lifetimeNanos nanoseconds for which it was open
   * @param bytesIn body bytes received
   * @param bytesOut body bytes sent
   * @param timestampNanos monotonic time of its end
   */
  public void recordStream(
      GroupHandle stream,
      int status,
      Outcome outcome,
      boolean isError,
      long firstByteNanos,
      long lifetimeNanos,
      long bytesIn,
      long bytesOut,
      long timestampNanos) {
    recordRequest(
        stream, status, outcome, isError, lifetimeNanos, bytesIn, bytesOut, timestampNanos);
    if (firstByteNanos >= 0) {
      GroupHandle counted = stream.attached().handle();
      GroupHandle first = firstBytes.intern(counted.kind(), counted.name());
      record(first, false, 0, 0, firstByteNanos, timestampNanos);
    }
  }

  /** Counts a call of a function. */
  public void recordFunction(
      GroupHandle function, boolean isError, long durationNanos, long timestampNanos) {
    record(function, isError, 0, 0, durationNanos, timestampNanos);
  }

  /**
   * Counts a statement.
   *
   * @param rows rows returned or changed, or -1 if unknown
   */
  public void recordStatement(
      GroupHandle statement, boolean isError, long rows, long durationNanos, long timestampNanos) {
    record(statement, isError, 0, rows, durationNanos, timestampNanos);
  }

  /** Counts a connection that was accepted. */
  public void connectionOpened(long timestampNanos) {
    opened.increment();
    record(openings.intern("", "opened"), false, 0, 0, 0, timestampNanos);
  }

  /** Counts the end of a connection that {@link #connectionOpened} counted. */
  public void connectionClosed(
      CloseReason reason,
      @Nullable String detail,
      long requestsServed,
      long bytesSent,
      long durationNanos,
      long timestampNanos) {
    GroupHandle group = closings.intern(reason.jsonName(), detail == null ? "" : detail);
    group
        .attached()
        .record(
            timeline.secondOf(timestampNanos),
            Math.max(0, durationNanos),
            Group.STATUS_NONE,
            requestsServed == 0 ? Counters.NEVER_USED : Group.OUTCOME_NONE,
            reason == CloseReason.ERROR,
            requestsServed,
            bytesSent);
    closed.increment();
  }

  /** Counts a connection that was refused at the door. */
  public void connectionRejected(long timestampNanos) {
    record(rejections.intern("", "rejected"), false, 0, 0, 0, timestampNanos);
  }

  /** Moves the window to now and forgets what is idle. Any thread; once a second is enough. */
  public void roll() {
    int secondNow = timeline.secondNow();
    for (Registry registry : registries()) {
      for (Group group : registry.groups()) {
        group.roll(secondNow);
      }
    }
  }

  /** The numbers of the whole window. */
  public StatsSnapshot snapshot() {
    return snapshot(timeline.slots());
  }

  /**
   * The numbers of the last part of the window, such as one minute; it begins at a whole slot (10 s
   * where the window is 15 minutes).
   *
   * @param window more than 0; more than the store's own window means that one
   */
  public StatsSnapshot snapshot(Duration window) {
    if (window.isNegative() || window.isZero()) {
      throw new IllegalArgumentException("window must be > 0, was " + window);
    }
    long seconds = window.plusNanos(999_999_999).toSeconds();
    long slots = (seconds + timeline.slotSeconds() - 1) / timeline.slotSeconds();
    return snapshot((int) Math.min(timeline.slots(), slots));
  }

  /**
   * The distribution of a group over the full window, as it is now; that of all requests for the
   * total.
   *
   * @param group of a snapshot of this store
   */
  public Sketch sketch(GroupSnapshot group) {
    BucketCounts buckets = new BucketCounts();
    GroupHandle handle = group.handle();
    if (handle == null) {
      routes.groups().forEach(each -> each.addTo(buckets));
    } else {
      Group known = handle.groupOrNull();
      if (known != null) {
        known.addTo(buckets);
      }
    }
    return buckets.toSketch();
  }

  /** Bytes held now, counted as things are made. */
  public long memoryBytes() {
    return heatMap.bytes() + budget.heldBytes();
  }

  /**
   * Bytes that are held at most, whatever comes: 16 MiB for routes, streams, functions, statements
   * and connections together.
   */
  public long memoryBoundBytes() {
    return BOUND_BYTES;
  }

  /** Requests ever recorded, as far as a snapshot has taken them; the oracle of tests. */
  long harvestedRequests() {
    return routes.recorded();
  }

  private void record(
      GroupHandle group, boolean isError, long in, long out, long durationNanos, long timestamp) {
    group
        .attached()
        .record(
            timeline.secondOf(timestamp),
            Math.max(0, durationNanos),
            Group.STATUS_NONE,
            Group.OUTCOME_NONE,
            isError,
            in,
            out);
  }

  private StatsSnapshot snapshot(int slots) {
    settle.run();
    long requestsInFlight = Math.max(0, inFlight.getAsLong());
    long open = difference(opened, closed);
    long now = timeline.clock().nanoTime();
    int secondNow = timeline.secondOf(now);
    Sum total = new Sum();
    List<GroupSnapshot> byRoute = snapshot(routes, secondNow, slots, total);
    List<GroupSnapshot> byFunction = snapshot(functions, secondNow, slots, new Sum());
    List<GroupSnapshot> byStatement = snapshot(statements, secondNow, slots, new Sum());
    double recentSeconds = Math.min(secondNow, GroupSnapshot.SPARK_BINS);
    int slotNow = timeline.slotOf(secondNow);
    int firstSlot = Math.max(0, slotNow - slots);
    double windowSeconds = secondNow - (double) firstSlot * timeline.slotSeconds();
    GroupSnapshot all = total.snapshot("all", recentSeconds, windowSeconds);
    long uptime = now - timeline.startNanos();
    return new StatsSnapshot(
        now,
        uptime,
        now - timeline.nanosOfSlot(firstSlot),
        applications(byRoute, total, all, secondNow, slots),
        byRoute,
        byFunction,
        byStatement,
        connections(open, secondNow, slots, recentSeconds, windowSeconds),
        streams(secondNow, slots),
        requestsInFlight,
        excluded.sum(),
        countOf(byRoute, Registry.OTHER),
        heatMap.snapshot(slotNow, timeline),
        memoryBytes(),
        memoryBoundBytes());
  }

  /**
   * What has begun and not ended. Ends are read first, right before the beginnings: so it is never
   * negative, and counts what goes on at this moment, not what began while a snapshot was made.
   */
  private static long difference(LongAdder begun, LongAdder over) {
    long ends = over.sum();
    return Math.max(0, begun.sum() - ends);
  }

  private ConnectionsSnapshot connections(
      long open, int secondNow, int slots, double recentSeconds, double windowSeconds) {
    Sum ended = new Sum();
    List<GroupSnapshot> details = snapshot(closings, secondNow, slots, ended);
    GroupSnapshot closed = ended.snapshot("closed", recentSeconds, windowSeconds);
    Map<CloseReason, Long> reasons = new EnumMap<>(CloseReason.class);
    for (CloseReason reason : CloseReason.values()) {
      long count = 0;
      for (GroupSnapshot detail : details) {
        count += detail.kind().equals(reason.jsonName()) ? detail.count() : 0;
      }
      reasons.put(reason, count);
    }
    List<GroupSnapshot> opened = snapshot(openings, secondNow, slots, new Sum());
    List<GroupSnapshot> rejected = snapshot(rejections, secondNow, slots, new Sum());
    return new ConnectionsSnapshot(
        open,
        opened.stream().mapToLong(GroupSnapshot::count).sum(),
        closed,
        rejected.stream().mapToLong(GroupSnapshot::count).sum(),
        closed.bytesIn(),
        Counters.neverUsed(closed),
        reasons,
        details);
  }

  /**
   * Tells the routes, and all of them together, which is returned, what the application took, where
   * that is not all that they took.
   */
  private GroupSnapshot applications(
      List<GroupSnapshot> byRoute, Sum total, GroupSnapshot all, int secondNow, int slots) {
    int firstSecond = Math.max(0, timeline.slotOf(secondNow) - slots) * timeline.slotSeconds();
    List<GroupHandle> untold = new ArrayList<>();
    BucketCounts allWaited = new BucketCounts();
    BucketCounts allUnwaited = new BucketCounts();
    for (int i = 0; i < byRoute.size(); i++) {
      GroupSnapshot route = byRoute.get(i);
      GroupHandle handle = route.handle();
      if (handle == null) {
        continue;
      }
      boolean isTold = handle.untoldSecond() < firstSecond;
      if (isTold && waited.size() != 0) {
        // Against the order in which they are recorded, so that each is part of the next one.
        BucketCounts rest =
            bucketsOf(unwaited.find(handle.kind(), handle.name()), secondNow, slots);
        BucketCounts own = bucketsOf(waited.find(handle.kind(), handle.name()), secondNow, slots);
        if (own.count() != 0) {
          BucketCounts both = bucketsOf(handle, secondNow, slots);
          // Where memory was short, some may have been counted with the rest in one and not in the
          // other.
          isTold = both.removeAll(own) == own.count() && rest.count() <= own.count();
          if (isTold) {
            both.addAll(rest);
            byRoute.set(i, route.withApplication(both.latency(both.longestNanos())));
            allWaited.addAll(own);
            allUnwaited.addAll(rest);
          }
        }
      }
      if (!isTold) {
        byRoute.set(i, route.withApplication(null));
        untold.add(handle);
      }
    }
    if (!untold.isEmpty() && untold.size() == byRoute.size()) {
      return all.withApplication(null);
    }
    untold.forEach(handle -> allWaited.addAll(bucketsOf(handle, secondNow, slots)));
    if (allWaited.count() == 0) {
      return all;
    }
    // What was recorded since the total was made may not be there to be taken away.
    BucketCounts told = total.buckets();
    told.removeAll(allWaited);
    told.addAll(allUnwaited);
    return all.withApplication(told.latency(told.longestNanos()));
  }

  private static BucketCounts bucketsOf(@Nullable GroupHandle handle, int secondNow, int slots) {
    BucketCounts buckets = new BucketCounts();
    Group known = handle == null ? null : handle.groupOrNull();
    if (known != null) {
      known.addTo(buckets, secondNow, slots);
    }
    return buckets;
  }

  private Streams streams(int secondNow, int slots) {
    Map<StreamKind, Long> open = new EnumMap<>(StreamKind.class);
    Map<StreamKind, Long> known = openStreams.get();
    Map<String, StreamKind> kinds = new HashMap<>();
    for (StreamKind kind : StreamKind.values()) {
      open.put(kind, known.getOrDefault(kind, 0L));
      kinds.put(kind.jsonName(), kind);
    }
    Map<String, Latency> first = new HashMap<>();
    for (GroupSnapshot each : snapshot(firstBytes, secondNow, slots, new Sum())) {
      first.put(each.kind() + " " + each.name(), each.latency());
    }
    List<Ended> ended = new ArrayList<>();
    for (GroupSnapshot each : snapshot(lifetimes, secondNow, slots, new Sum())) {
      StreamKind kind = kinds.get(each.kind());
      Latency firstByte = first.get(each.kind() + " " + each.name());
      ended.add(new Ended(kind, each.name(), each, firstByte));
    }
    ended.sort((a, b) -> Long.compare(b.lifetime().count(), a.lifetime().count()));
    return new Streams(open, ended);
  }

  private static List<GroupSnapshot> snapshot(
      Registry registry, int secondNow, int slots, Sum sum) {
    List<GroupSnapshot> result = new ArrayList<>(registry.size() + 1);
    for (Group group : registry.groups()) {
      GroupSnapshot snapshot = group.snapshot(secondNow, slots, sum);
      if (snapshot != null) {
        result.add(snapshot);
      }
    }
    result.sort((a, b) -> Long.compare(b.totalNanos(), a.totalNanos()));
    return result;
  }

  private static long countOf(List<GroupSnapshot> groups, String name) {
    long count = 0;
    for (GroupSnapshot group : groups) {
      count += group.kind().isEmpty() && group.name().equals(name) ? group.count() : 0;
    }
    return count;
  }

  private List<Registry> registries() {
    return List.of(
        routes,
        functions,
        statements,
        closings,
        openings,
        rejections,
        lifetimes,
        firstBytes,
        waited,
        unwaited);
  }
}
