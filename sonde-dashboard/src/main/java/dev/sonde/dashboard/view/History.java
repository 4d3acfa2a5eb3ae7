// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.time.ClockAnchor;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The course of the last quarter of an hour, one point every two seconds. */
final class History {
  static final int STEP_MILLIS = 2_000;

  private static final int MAX_POINTS = 450;

  private final Deque<Point> points = new ArrayDeque<>();

  /**
   * One moment.
   *
   * @param epochNanos when
   * @param requestsPerSecond of the seconds that the snapshot covers
   * @param latency of the requests that it covers, or null if there were none
   */
  record Point(
      long epochNanos,
      double requestsPerSecond,
      double errorsPerSecond,
      double abortsPerSecond,
      GroupSnapshot.@Nullable Latency latency,
      long open,
      long inFlight) {
    static Point of(StatsSnapshot stats, ClockAnchor anchor) {
      GroupSnapshot total = stats.total();
      double perSecond = total.count() == 0 ? 0 : total.windowRequestsPerSecond() / total.count();
      return new Point(
          StatsJson.wholeMicros(anchor.toEpochNanos(stats.takenNanos())),
          total.windowRequestsPerSecond(),
          total.errors() * perSecond,
          StatsJson.aborts(total) * perSecond,
          total.latency(),
          stats.connections().open(),
          stats.requestsInFlight());
    }
  }

  synchronized void add(Point point) {
    if (points.size() == MAX_POINTS) {
      points.removeFirst();
    }
    points.addLast(point);
  }

  synchronized @Nullable Point last() {
    return points.peekLast();
  }

  private synchronized List<Point> all() {
    return List.copyOf(points);
  }

  void write(Json json) throws IOException {
    List<Point> all = all();
    json.field("step_ms", STEP_MILLIS);
    for (Column column : Column.values()) {
      json.array(
          column.jsonName,
          () -> {
            for (Point point : all) {
              column.write(json, point);
            }
          });
    }
  }

  static void write(Json json, Point point) throws IOException {
    for (Column column : Column.values()) {
      json.fieldName(column.jsonName);
      column.write(json, point);
    }
  }

  /** One value of every point. */
  private enum Column {
    TIME("t_us") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.micros(point.epochNanos());
      }
    },
    REQUESTS("rps") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.number(point.requestsPerSecond());
      }
    },
    ERRORS("errors_per_s") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.number(point.errorsPerSecond());
      }
    },
    ABORTS("aborts_per_s") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.number(point.abortsPerSecond());
      }
    },
    P50("p50_us") {
      @Override
      void write(Json json, Point point) throws IOException {
        GroupSnapshot.Latency latency = point.latency();
        micros(json, latency == null ? -1 : latency.p50Nanos());
      }
    },
    P95("p95_us") {
      @Override
      void write(Json json, Point point) throws IOException {
        GroupSnapshot.Latency latency = point.latency();
        micros(json, latency == null ? -1 : latency.p95Nanos());
      }
    },
    P99("p99_us") {
      @Override
      void write(Json json, Point point) throws IOException {
        GroupSnapshot.Latency latency = point.latency();
        micros(json, latency == null ? -1 : latency.p99Nanos());
      }
    },
    OPEN("open") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.number(point.open());
      }
    },
    IN_FLIGHT("busy") {
      @Override
      void write(Json json, Point point) throws IOException {
        json.number(point.inFlight());
      }
    };

    private final String jsonName;

    Column(String jsonName) {
      this.jsonName = jsonName;
    }

    abstract void write(Json json, Point point) throws IOException;

    private static void micros(Json json, long nanosOrNone) throws IOException {
      if (nanosOrNone < 0) {
        json.nothing();
      } else {
        json.micros(nanosOrNone);
      }
    }
  }
}
