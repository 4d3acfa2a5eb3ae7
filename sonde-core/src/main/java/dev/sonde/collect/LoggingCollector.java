// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Logs events: slow responses at INFO, clients that went away at WARNING, all else at DEBUG.
 *
 * <p>It logs on the server's thread, to {@link System.Logger} {@code dev.sonde.lifecycle}; nothing
 * is built for a level that is off. Requests to the health path are left out as a whole, their ends
 * too.
 */
public final class LoggingCollector implements LifecycleCollector {
  /** How a line looks. */
  public enum Format {
    /** {@code ResponseCompleted connection_id=1 status=200}, with control characters escaped. */
    TEXT,
    /** One JSON object a line. */
    JSON
  }

  /** Name of the logger. */
  public static final String LOGGER_NAME = "dev.sonde.lifecycle";

  /** Health requests under way that are remembered; of more, the end of the oldest is logged. */
  static final int MAX_OPEN_HEALTH_REQUESTS = 1024;

  private static final Logger LOGGER = System.getLogger(LOGGER_NAME);

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
    } catch (RuntimeException e) {
      // A handler of the logger failed; the request must not fail with it.
      return;
    }
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

  private void log(LifecycleEvent event) {
    boolean isSlow =
        event instanceof ResponseCompleted completed && completed.durationNanos() >= slowNanos;
    Level level = Level.DEBUG;
    if (isSlow) {
      level = Level.INFO;
    } else if (event instanceof ClientDisconnected) {
      level = Level.WARNING;
    }
    if (!LOGGER.isLoggable(level)) {
      return;
    }
    Line line = format == Format.JSON ? new JsonLine(event.type()) : new TextLine(event.type());
    describe(event, line);
    if (isSlow) {
      line.add("slow", true);
    }
    LOGGER.log(level, line.end());
  }

  private static void describe(LifecycleEvent event, Line line) {
    line.add("connection_id", event.connectionId());
    line.add("worker_id", event.workerId());
    if (event instanceof ConnectionOpened opened) {
      line.add("client_addr", opened.clientAddress());
      line.add("client_port", opened.clientPort());
      line.add("server_addr", opened.serverAddress());
      line.add("server_port", opened.serverPort());
      line.add("protocol", opened.protocol().jsonName());
      line.add("tls", opened.tls());
    } else if (event instanceof RequestStarted started) {
      line.add("request_id", started.requestId());
      line.add("stream_id", started.streamId());
      line.add("method", started.method());
      line.add("path", started.path());
      line.add("http_version", started.httpVersion());
    } else if (event instanceof ResponseCompleted completed) {
      line.add("request_id", completed.requestId());
      line.add("stream_id", completed.streamId());
      line.add("status", completed.status());
      line.add("bytes_sent", completed.bytesSent());
      line.addMillis("duration_ms", completed.durationNanos());
      line.addMillis("time_to_first_byte_ms", completed.timeToFirstByteNanos());
      line.add("route", completed.route());
    } else if (event instanceof ClientDisconnected disconnected) {
      line.add("request_id", disconnected.requestId());
      line.add("stream_id", disconnected.streamId());
      line.add("during_streaming", disconnected.duringStreaming());
      line.add("bytes_sent", disconnected.bytesSent());
    } else if (event instanceof ConnectionClosed closed) {
      line.add("requests_served", closed.requestsServed());
      line.add("total_bytes_sent", closed.totalBytesSent());
      line.addMillis("duration_ms", closed.durationNanos());
      line.add("reason", closed.reason().jsonName());
      line.add("detail", closed.detail());
    }
  }

  /** A line under construction; text in it comes from anybody on the network. */
  private abstract static class Line {
    final StringBuilder text = new StringBuilder(160);

    abstract void name(String name);

    abstract void quote(String value);

    abstract String end();

    void add(String name, long value) {
      name(name);
      text.append(value);
    }

    void add(String name, boolean value) {
      name(name);
      text.append(value);
    }

    /** Adds a text; one that is absent is left out. */
    void add(String name, @Nullable String value) {
      if (value != null) {
        name(name);
        quote(value);
      }
    }

    /** Adds a duration; one that is unknown, hence negative, is left out. */
    void addMillis(String name, long nanos) {
      if (nanos >= 0) {
        name(name);
        long micros = TimeUnit.NANOSECONDS.toMicros(nanos);
        text.append(micros / 1000).append('.');
        String fraction = Long.toString(1000 + micros % 1000);
        text.append(fraction, 1, fraction.length());
      }
    }

    /** Escapes what could end a line, or what a terminal obeys or shows in another order. */
    void escape(String value) {
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        if (c == '"' || c == '\\') {
          text.append('\\').append(c);
        } else if (isUnsafe(c)) {
          text.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
        } else {
          text.append(c);
        }
      }
    }

    static boolean isUnsafe(char c) {
      int type = Character.getType(c);
      return type == Character.CONTROL
          || type == Character.FORMAT
          || type == Character.SURROGATE
          || type == Character.LINE_SEPARATOR
          || type == Character.PARAGRAPH_SEPARATOR;
    }
  }

  private static final class TextLine extends Line {
    TextLine(String type) {
      text.append(type);
    }

    @Override
    void name(String name) {
      text.append(' ').append(name).append('=');
    }

    @Override
    void quote(String value) {
      boolean isPlain = !value.isEmpty();
      for (int i = 0; i < value.length() && isPlain; i++) {
        char c = value.charAt(i);
        isPlain = c != ' ' && c != '"' && c != '\\' && c != '=' && !isUnsafe(c);
      }
      if (isPlain) {
        text.append(value);
      } else {
        text.append('"');
        escape(value);
        text.append('"');
      }
    }

    @Override
    String end() {
      return text.toString();
    }
  }

  private static final class JsonLine extends Line {
    JsonLine(String type) {
      text.append("{\"type\":\"").append(type).append('"');
    }

    @Override
    void name(String name) {
      text.append(",\"").append(name).append("\":");
    }

    @Override
    void quote(String value) {
      text.append('"');
      escape(value);
      text.append('"');
    }

    @Override
    String end() {
      return text.append('}').toString();
    }
  }
}
