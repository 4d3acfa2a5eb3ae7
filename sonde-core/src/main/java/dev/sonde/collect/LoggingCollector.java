// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.json.JsonText;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Logs events: slow responses at INFO, clients that went away at WARNING, all else at DEBUG.
 *
 * <p>It logs on the server's thread, to {@link System.Logger} {@code dev.sonde.lifecycle}; nothing
 * is built for a level that is off. Requests to the health path are left out as a whole, their ends
 * too. What a handler of the logger throws is only counted.
 */
public final class LoggingCollector implements LifecycleCollector {
  /** How a line looks. */
  public enum Format {
    /** {@code ResponseCompleted connection_id=1 status=200}, with control characters escaped. */
    TEXT,
    /**
     * One JSON object a line, as {@code event-v1.schema.json} says; slow responses have {@code
     * "slow":true} in addition.
     */
    JSON
  }

  /** Name of the logger. */
  public static final String LOGGER_NAME = "dev.sonde.lifecycle";

  /** Health requests under way that are remembered; of more, the end of the oldest is logged. */
  static final int MAX_OPEN_HEALTH_REQUESTS = 1024;

  private static final Logger LOGGER = System.getLogger(LOGGER_NAME);
  private static final MonotonicClock CLOCK = MonotonicClock.system();
  private static final JsonFactory JSON = new JsonFactory();

  /** Fields of every line, which a log has of its own or does not need. */
  private static final Set<String> ENVELOPE =
      Set.of("v", "type", "ts_ns", "mono_ns", "timestamp_ns");

  private final LongAdder failures = new LongAdder();
  private final long slowNanos;
  private final Format format;
  private final @Nullable String healthCheckPath;

  /*
   * Only the start of a request tells its path, so its id is kept until its end. The count is read
   * first, without the lock: other requests pay nothing while no health check is under way. Their
   * own start has happened before, on the same connection.
   */
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Long, Long> connectionByHealthRequest = new LinkedHashMap<>();
  private volatile int openHealthRequests;

  /** Logs text, and responses that took 5 s as slow. */
  public LoggingCollector() {
    this(Duration.ofSeconds(5), Format.TEXT, null);
  }

  /**
   * Logs in a given manner.
   *
   * @param slowRequestThreshold responses that took at least as long are slow; 0 or more
   * @param format how a line looks
   * @param healthCheckPath path to leave out, compared without the query string; null for none
   */
  public LoggingCollector(
      Duration slowRequestThreshold, Format format, @Nullable String healthCheckPath) {
    if (slowRequestThreshold.isNegative()) {
      throw new IllegalArgumentException(
          "slowRequestThreshold must be >= 0, was " + slowRequestThreshold);
    }
    if (healthCheckPath != null && !healthCheckPath.startsWith("/")) {
      throw new IllegalArgumentException(
          "healthCheckPath must start with '/', was '" + healthCheckPath + "'");
    }
    this.slowNanos =
        slowRequestThreshold.compareTo(Duration.ofDays(365)) > 0
            ? Long.MAX_VALUE
            : slowRequestThreshold.toNanos();
    this.format = format;
    this.healthCheckPath = healthCheckPath;
  }

  @Override
  public void record(LifecycleEvent event) {
    try {
      if (healthCheckPath == null || !isHealthCheck(event, healthCheckPath)) {
        log(event);
      }
    } catch (Throwable e) {
      // Errors of a handler too: the request must not fail with it.
      failures.increment();
    }
  }

  /** Events that could not be logged, because a handler of the logger threw. */
  public long failures() {
    return failures.sum();
  }

  private boolean isHealthCheck(LifecycleEvent event, String path) {
    if (event instanceof RequestStarted started) {
      boolean isHealthCheck = isSamePath(started.path(), path);
      if (isHealthCheck) {
        remember(started);
      }
      return isHealthCheck;
    }
    if (openHealthRequests == 0) {
      return false;
    }
    if (event instanceof ResponseCompleted completed) {
      return forget(completed.requestId());
    }
    if (event instanceof ClientDisconnected disconnected) {
      return forget(disconnected.requestId());
    }
    if (event instanceof ConnectionClosed closed) {
      forgetConnection(closed.connectionId());
    }
    return false;
  }

  private static boolean isSamePath(String received, String path) {
    return received.startsWith(path)
        && (received.length() == path.length() || received.charAt(path.length()) == '?');
  }

  private void remember(RequestStarted started) {
    lock.lock();
    try {
      if (connectionByHealthRequest.size() == MAX_OPEN_HEALTH_REQUESTS) {
        Iterator<Long> oldestFirst = connectionByHealthRequest.keySet().iterator();
        oldestFirst.next();
        oldestFirst.remove();
      }
      connectionByHealthRequest.put(started.requestId(), started.connectionId());
      openHealthRequests = connectionByHealthRequest.size();
    } finally {
      lock.unlock();
    }
  }

  private boolean forget(long requestId) {
    lock.lock();
    try {
      boolean wasHealthCheck = connectionByHealthRequest.remove(requestId) != null;
      openHealthRequests = connectionByHealthRequest.size();
      return wasHealthCheck;
    } finally {
      lock.unlock();
    }
  }

  /** A request that its connection's close ended has no end of its own. */
  private void forgetConnection(long connectionId) {
    lock.lock();
    try {
      connectionByHealthRequest.values().removeIf(id -> id == connectionId);
      openHealthRequests = connectionByHealthRequest.size();
    } finally {
      lock.unlock();
    }
  }

  private void log(LifecycleEvent event) throws IOException {
    boolean isSlow =
        event instanceof ResponseCompleted completed
            && StreamKind.answerNanos(
                    completed.stream(), completed.durationNanos(), completed.timeToFirstByteNanos())
                >= slowNanos;
    Level level = Level.DEBUG;
    if (isSlow) {
      level = Level.INFO;
    } else if (event instanceof ClientDisconnected) {
      level = Level.WARNING;
    }
    if (!LOGGER.isLoggable(level)) {
      return;
    }
    String json = EventJsonWriter.toJson(event, ClockAnchor.take(CLOCK), isSlow);
    LOGGER.log(level, format == Format.JSON ? json : text(json, event.type()));
  }

  /**
   * The fields of a line of JSON for people; absent ones and those of the envelope are left out.
   */
  private static String text(String json, String type) throws IOException {
    StringBuilder line = new StringBuilder(160).append(type);
    try (JsonParser fields = JSON.createParser(json)) {
      fields.nextToken();
      while (fields.nextToken() == JsonToken.FIELD_NAME) {
        String name = fields.currentName();
        JsonToken kind = fields.nextToken();
        if (kind != JsonToken.VALUE_NULL && !ENVELOPE.contains(name)) {
          String value = fields.getText();
          line.append(' ').append(name).append('=');
          line.append(kind == JsonToken.VALUE_STRING ? quotedIfNeeded(value) : value);
        }
      }
    }
    return line.toString();
  }

  private static String quotedIfNeeded(String value) {
    boolean isPlain = !value.isEmpty();
    for (int i = 0; i < value.length() && isPlain; i++) {
      char c = value.charAt(i);
      isPlain = c != ' ' && c != '"' && c != '\\' && c != '=' && !JsonText.isUnsafe(c);
    }
    return isPlain ? value : '"' + JsonText.escaped(value) + '"';
  }
}
