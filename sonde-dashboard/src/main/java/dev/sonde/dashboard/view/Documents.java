// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.digest.HealthSnapshot;
import dev.sonde.recent.RecentNews;
import dev.sonde.recent.RecentRequest;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The documents of a running process.
 *
 * <p>Each is made at most four times a second, whatever the number of readers.
 */
public final class Documents implements Views {
  /** Windows that can be asked for, in seconds. */
  public static final Set<Integer> WINDOWS = Set.of(60, 300, 900);

  private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final Duration POINT = Duration.ofSeconds(10);

  /** Four times a second: more than anybody reads, and few enough not to be felt. */
  private static final int MAX_NEWS = 25;

  private final Sources sources;
  private final MonotonicClock clock;
  private final Supplier<Map<String, Long>> dashboard;
  private final History history = new History();
  private final Baselines baselines = new Baselines();
  private long seen;

  /** Bounded by its keys: six documents and three windows. */
  private final Map<String, Cached> cache = new ConcurrentHashMap<>();

  /**
   * Makes documents from the sources.
   *
   * @param dashboard the dashboard's own figures for the health document
   */
  public Documents(Sources sources, MonotonicClock clock, Supplier<Map<String, Long>> dashboard) {
    this.sources = sources;
    this.clock = clock;
    this.dashboard = dashboard;
  }

  @Override
  public byte @Nullable [] document(String path, int windowSeconds) {
    int window = WINDOWS.contains(windowSeconds) ? windowSeconds : 300;
    return switch (path) {
      case "/metrics.json" -> cached(path + window, () -> metrics(window));
      case "/routes.json" -> cached(path + window, () -> routes(window));
      case "/connections.json" -> cached(path + window, () -> connections(window));
      case "/errors.json" ->
          cached(
              path,
              () ->
                  Json.document(
                      json -> RequestJson.errors(json, sources.errors().get(), anchor())));
      case "/requests.json" ->
          cached(
              path,
              () ->
                  Json.document(
                      json -> RequestJson.requests(json, sources.recent().get(), anchor())));
      case "/health.json" ->
          cached(
              path,
              () ->
                  Json.document(
                      json ->
                          HealthJson.health(
                              json, sources.health().get(), stats(900), dashboard.get())));
      default -> null;
    };
  }

  private byte[] cached(String key, Supplier<byte[]> maker) {
    return cache.computeIfAbsent(key, unused -> new Cached()).get(maker);
  }

  private byte[] metrics(int window) {
    StatsSnapshot stats = stats(window);
    StatsSnapshot minute = window == 60 ? stats : stats(60);
    StatsSnapshot five = window == 300 ? stats : stats(300);
    List<Changes.Change> changes =
        Changes.between(
            minute, five, baselines.p95NanosBefore(clock.nanoTime()), sources.errors().get());
    ClockAnchor anchor = anchor();
    return Json.document(
        json -> {
          StatsJson.head(json, stats, anchor, window);
          StatsJson.metrics(json, stats, anchor);
          json.object("series", () -> history.write(json));
          json.array(
              "changes",
              () -> {
                for (Changes.Change change : changes) {
                  json.element(() -> change.write(json));
                }
              });
        });
  }

  private byte[] routes(int window) {
    StatsSnapshot stats = stats(window);
    Map<String, Inside> insides = Inside.of(sources.recent().get());
    return Json.document(
        json -> {
          StatsJson.head(json, stats, anchor(), window);
          StatsJson.routes(json, stats, insides);
        });
  }

  private byte[] connections(int window) {
    StatsSnapshot stats = stats(window);
    return Json.document(
        json -> {
          StatsJson.head(json, stats, anchor(), window);
          StatsJson.connections(json, stats.connections());
        });
  }

  @Override
  public byte @Nullable [] request(long requestId) {
    RecentRequest found = sources.request().apply(requestId);
    return found == null ? null : Json.document(json -> RequestJson.request(json, found, anchor()));
  }

  @Override
  public byte[] tick() {
    HealthSnapshot health = sources.health().get();
    return Json.document(
        json -> {
          StatsSnapshot last = stats(900);
          StatsJson.head(json, last, health.anchor(), 900);
          json.field("dropped", HealthJson.dropped(health));
          json.field("in_flight", last.requestsInFlight());
          StatsJson.openStreams(json, last.streams());
          json.object("connections", () -> StatsJson.connections(json, last.connections()));
          json.object(
              "windows",
              () -> {
                json.object("60", () -> StatsJson.group(json, stats(60).total()));
                json.object("300", () -> StatsJson.group(json, stats(300).total()));
                json.object("900", () -> StatsJson.group(json, last.total()));
              });
          point(json);
        });
  }

  private void point(Json json) throws IOException {
    History.Point point = history.last();
    if (point == null) {
      json.nothing("point");
    } else {
      json.object("point", () -> History.write(json, point));
    }
  }

  /** Notes how things are now, for what is told of the past; called every two seconds. */
  public void observe() {
    long now = clock.nanoTime();
    if (baselines.isDue(now)) {
      baselines.add(now, sources.stats().apply(Baselines.COVERED));
    }
    history.add(History.Point.of(sources.stats().apply(POINT), anchor()));
  }

  /** Milliseconds between two calls of {@link #observe()}. */
  public static int observeMillis() {
    return History.STEP_MILLIS;
  }

  @Override
  public byte @Nullable [] news(boolean isFirst) {
    RecentNews news = sources.news().since(seen, isFirst ? 0 : MAX_NEWS);
    long missed = news.endedCount() - seen - news.newest().size();
    boolean isQuiet = news.endedCount() == seen;
    seen = news.endedCount();
    if (isQuiet || isFirst) {
      return null;
    }
    return Json.document(
        json -> {
          RequestJson.list(json, "requests", news.newest(), anchor());
          json.field("missed", missed);
        });
  }

  private StatsSnapshot stats(int windowSeconds) {
    return sources.stats().apply(Duration.ofSeconds(windowSeconds));
  }

  private ClockAnchor anchor() {
    return sources.anchor().get();
  }

  /** One document and the moment at which it was made. */
  private final class Cached {
    private byte @Nullable [] bytes;
    private long madeAt;

    // Readers that come while it is made wait for it: that is cheaper than making it twice.
    synchronized byte[] get(Supplier<byte[]> maker) {
      byte[] kept = bytes;
      if (kept == null || clock.nanoTime() - madeAt >= FRESH_NANOS) {
        kept = maker.get();
        bytes = kept;
        madeAt = clock.nanoTime();
      }
      return kept;
    }
  }
}
