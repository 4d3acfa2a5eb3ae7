// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.capture.RouteNormalizer;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.stats.ErrorSnapshot.Source;
import dev.sonde.time.MonotonicClock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The kinds of failure that occurred, each counted, with an example.
 *
 * <p>Exceptions are one kind when their type and their frames are the same, whatever the message
 * and the route. Not for request threads: recording hashes the stack under a short lock.
 */
public final class ErrorRing {
  /** Kinds kept by default. */
  public static final int DEFAULT_CAPACITY = 256;

  private static final int TREND_MINUTES = 15;
  private static final long MINUTE_NANOS = 60_000_000_000L;
  private static final int MAX_MESSAGE_CHARS = 1_024;
  private static final int MAX_WHERE_CHARS = 1_024;
  private static final int MAX_STACK_CHARS = 16_384;

  private final int capacity;
  private final MonotonicClock clock;
  private final long startNanos;

  /** In order of the last occurrence, so that the first entry is the one to forget. */
  private final Map<Key, Entry> entries = new LinkedHashMap<>(64, 0.75f, true);

  private long totalCount;
  private long evictedKinds;
  private long evictedCount;

  /** A ring of {@link #DEFAULT_CAPACITY} kinds. */
  public ErrorRing(MonotonicClock clock) {
    this(DEFAULT_CAPACITY, clock);
  }

  /**
   * A ring.
   *
   * @param capacity kinds kept before the one not seen for longest is forgotten, at least 1
   */
  public ErrorRing(int capacity, MonotonicClock clock) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity must be >= 1, was " + capacity);
    }
    this.capacity = capacity;
    this.clock = clock;
    startNanos = clock.nanoTime();
  }

  /** Counts what failed in this event; one that did not fail is ignored. */
  public void record(ProfileEvent event) {
    if (event instanceof RequestEvent request) {
      recordRequest(request);
    } else if (event instanceof FunctionEvent function && function.isError()) {
      String type = function.exceptionType() == null ? "error" : function.exceptionType();
      add(Source.FUNCTION, type, null, function.function(), "", 0, event);
    } else if (event instanceof DatabaseEvent database && database.isError()) {
      String type = database.errorCode() == null ? "error" : database.errorCode();
      String text = database.query() == null ? database.operation() : database.query();
      add(Source.DATABASE, database.vendor() + " " + type, null, text, "", 0, event);
    }
  }

  /** The kinds seen so far. */
  public synchronized ErrorSnapshot snapshot() {
    long now = clock.nanoTime();
    List<ErrorSnapshot.Kind> kinds = new ArrayList<>(entries.size());
    for (Map.Entry<Key, Entry> entry : entries.entrySet()) {
      kinds.add(entry.getValue().snapshot(entry.getKey(), minuteOf(now)));
    }
    kinds.sort(Comparator.comparingLong((ErrorSnapshot.Kind k) -> now - k.lastNanos()));
    return new ErrorSnapshot(now, kinds, totalCount, evictedKinds, evictedCount);
  }

  private void recordRequest(RequestEvent request) {
    String route = request.route();
    String where =
        request.method()
            + " "
            + (route == null ? RouteNormalizer.normalize(request.path()) : route);
    ErrorInfo error = request.error();
    long id = request.requestId();
    if (error != null) {
      add(Source.REQUEST, error.type(), error.message(), where, error.stack(), id, request);
    } else if (request.outcome().isClientAbort()) {
      add(Source.CLIENT_ABORT, request.outcome().jsonName(), null, where, "", id, request);
    } else if (request.isError()) {
      String type =
          request.outcome() == Outcome.COMPLETED
              ? "HTTP " + request.status()
              : request.outcome().jsonName();
      add(Source.REQUEST, type, null, where, "", id, request);
    }
  }

  private void add(
      Source source,
      String type,
      @Nullable String message,
      String where,
      String stack,
      long requestId,
      ProfileEvent event) {
    String place = cut(where, MAX_WHERE_CHARS);
    Key key =
        stack.isEmpty()
            ? new Key(source, type, place, 0)
            : new Key(source, type, "", hashOfFrames(stack));
    synchronized (this) {
      totalCount++;
      Entry entry = entries.get(key);
      if (entry == null) {
        makeRoom();
        entry = new Entry(event.timestampNanos(), cut(stack, MAX_STACK_CHARS));
        entries.put(key, entry);
      }
      entry.where = place;
      entry.message = message == null ? null : cut(message, MAX_MESSAGE_CHARS);
      entry.add(event, requestId, minuteOf(event.timestampNanos()));
    }
  }

  private void makeRoom() {
    if (entries.size() < capacity) {
      return;
    }
    var oldest = entries.entrySet().iterator();
    evictedCount += oldest.next().getValue().count;
    evictedKinds++;
    oldest.remove();
  }

  private long minuteOf(long timestampNanos) {
    return Math.floorDiv(timestampNanos - startNanos, MINUTE_NANOS);
  }

  /**
   * Hash of the frames, in which the numbers of generated classes count for nothing: they differ
   * from run to run, and from one class loading to the next.
   */
  static long hashOfFrames(String stack) {
    long hash = 0xcbf29ce484222325L;
    int i = 0;
    while (i < stack.length()) {
      char c = stack.charAt(i);
      boolean generated =
          stack.startsWith("$$", i) || stack.startsWith("$Proxy", i) || stack.startsWith("/0x", i);
      if (generated) {
        i = endOfGeneratedName(stack, i);
        c = '$';
      } else {
        i++;
      }
      hash = (hash ^ c) * 0x100000001b3L;
    }
    return hash;
  }

  private static int endOfGeneratedName(String stack, int start) {
    int i = start + 1;
    while (i < stack.length()) {
      char c = stack.charAt(i);
      boolean ends = c == '.' || c == '(' || c == '\n';
      if (ends) {
        break;
      }
      i++;
    }
    return i;
  }

  private static String cut(String text, int limit) {
    return text.length() <= limit ? text : text.substring(0, limit) + "…";
  }

  private record Key(Source source, String type, String where, long stackHash) {}

  private static final class Entry {
    private final long[] trend = new long[TREND_MINUTES];
    private final String stack;
    private long firstNanos;
    private long lastNanos;
    private long lastMinute;
    private long count;
    private String where = "";
    private @Nullable String message;
    private long traceIdHigh;
    private long traceIdLow;
    private long requestId;

    Entry(long timestampNanos, String stack) {
      this.stack = stack;
      firstNanos = timestampNanos;
      lastNanos = timestampNanos;
      lastMinute = Long.MIN_VALUE;
    }

    void add(ProfileEvent event, long request, long minute) {
      count++;
      long timestamp = event.timestampNanos();
      firstNanos = timestamp - firstNanos < 0 ? timestamp : firstNanos;
      lastNanos = timestamp - lastNanos > 0 ? timestamp : lastNanos;
      traceIdHigh = event.traceIdHigh();
      traceIdLow = event.traceIdLow();
      requestId = request;
      advanceTo(Math.max(minute, lastMinute));
      if (minute > lastMinute - TREND_MINUTES) {
        trend[(int) Math.floorMod(minute, (long) TREND_MINUTES)]++;
      }
    }

    ErrorSnapshot.Kind snapshot(Key key, long minute) {
      advanceTo(Math.max(minute, lastMinute));
      List<Long> bins = new ArrayList<>(TREND_MINUTES);
      for (int i = 1; i <= TREND_MINUTES; i++) {
        bins.add(trend[(int) Math.floorMod(lastMinute + i, (long) TREND_MINUTES)]);
      }
      return new ErrorSnapshot.Kind(
          key.source(),
          key.type(),
          message,
          where,
          stack,
          count,
          firstNanos,
          lastNanos,
          traceIdHigh,
          traceIdLow,
          requestId,
          bins);
    }

    private void advanceTo(long minute) {
      if (lastMinute == Long.MIN_VALUE || minute - lastMinute >= TREND_MINUTES) {
        Arrays.fill(trend, 0);
      } else {
        for (long m = lastMinute + 1; m <= minute; m++) {
          trend[(int) Math.floorMod(m, (long) TREND_MINUTES)] = 0;
        }
      }
      lastMinute = minute;
    }
  }
}
