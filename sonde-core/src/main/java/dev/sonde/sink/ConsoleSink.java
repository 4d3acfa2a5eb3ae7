// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.collect.Sink;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.JsonText;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Shows events to a person, in UTC.
 *
 * <p>What the application supplied is cut at 512 characters, and its control characters, line
 * separators and characters that turn the reading direction are shown as escapes: no request can
 * steer the terminal or forge a line. A batch is one write.
 */
public final class ConsoleSink implements Sink<Event> {
  private static final int TEXT_MAX_CHARS = 512;
  private static final int STACK_LINES = 8;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneOffset.UTC);

  private static final String RESET = "\u001B[0m";
  private static final String DIM = "\u001B[2m";
  private static final String GREEN = "\u001B[32m";
  private static final String YELLOW = "\u001B[33m";
  private static final String RED = "\u001B[31m";

  /** Continuation lines stand under the text of the first, behind the time and the kind. */
  private static final String INDENT = " ".repeat(20);

  private final ConsoleFormat format;
  private final PrintStream out;
  private final boolean isColoured;
  private final Supplier<ClockAnchor> anchors;
  private final StringBuilder text = new StringBuilder();

  /**
   * Writes to a stream, which stays open.
   *
   * @param format how events are shown
   * @param out where to
   * @param isColoured whether {@link ConsoleFormat#PRETTY} marks outcomes with ANSI colours too
   * @param clock the clock of the events' time stamps
   */
  public ConsoleSink(
      ConsoleFormat format, PrintStream out, boolean isColoured, MonotonicClock clock) {
    this(format, out, isColoured, () -> ClockAnchor.take(clock));
  }

  ConsoleSink(
      ConsoleFormat format, PrintStream out, boolean isColoured, Supplier<ClockAnchor> anchors) {
    this.format = format;
    this.out = out;
    this.isColoured = isColoured && format == ConsoleFormat.PRETTY;
    this.anchors = anchors;
  }

  /**
   * Whether colours are welcome: standard output is a terminal, and neither {@code NO_COLOR} nor
   * {@code TERM=dumb} speaks against them.
   *
   * @param environment environment variables
   */
  public static boolean wantsColour(Map<String, String> environment) {
    return wantsColour(environment, isTerminal());
  }

  static boolean wantsColour(Map<String, String> environment, boolean isTerminal) {
    return isTerminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !environment.getOrDefault("TERM", "").equals("dumb");
  }

  /**
   * @throws IOException if the stream is closed or broken
   */
  @Override
  public void accept(List<Event> batch) throws IOException {
    ClockAnchor anchor = anchors.get();
    text.setLength(0);
    for (Event event : batch) {
      Instant time = Instant.ofEpochSecond(0, anchor.toEpochNanos(event.timestampNanos()));
      paint(DIM, TIME.format(time));
      text.append(' ');
      line(event);
      text.append('\n');
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    out.write(bytes, 0, bytes.length);
    if (out.checkError()) {
      throw new IOException("standard output is closed or broken");
    }
  }

  private void line(Event event) {
    if (event instanceof RequestEvent request) {
      request(request);
    } else if (event instanceof FunctionEvent function) {
      function(function);
    } else if (event instanceof DatabaseEvent statement) {
      statement(statement);
    } else if (event instanceof ConnectionOpened opened) {
      kind("OPEN").put(opened.clientAddress());
      text.append(':').append(opened.clientPort()).append(" -> ");
      put(opened.serverAddress()).text.append(':').append(opened.serverPort());
      text.append(' ').append(opened.protocol().jsonName()).append(opened.tls() ? " tls" : "");
      field("conn", opened.connectionId());
    } else if (event instanceof RequestStarted started) {
      kind("START").put(started.method()).text.append(' ');
      put(started.path()).text.append(' ');
      put(started.httpVersion());
      exchange(started.connectionId(), started.requestId(), started.streamId());
    } else if (event instanceof ResponseCompleted completed) {
      kind("DONE").status(completed.status());
      put(completed.route() == null ? "-" : completed.route());
      duration(completed.durationNanos());
      field("bytes", completed.bytesSent());
      exchange(completed.connectionId(), completed.requestId(), completed.streamId());
    } else if (event instanceof ClientDisconnected gone) {
      kind("GONE");
      paint(YELLOW, gone.duringStreaming() ? "during the response" : "before the response");
      field("bytes", gone.bytesSent());
      exchange(gone.connectionId(), gone.requestId(), gone.streamId());
    } else if (event instanceof ConnectionClosed closed) {
      kind("CLOSE").text.append(closed.reason().jsonName());
      if (closed.detail() != null) {
        text.append(' ');
        put(closed.detail());
      }
      duration(closed.durationNanos());
      field("requests", closed.requestsServed());
      field("bytes", closed.totalBytesSent());
      field("conn", closed.connectionId());
    }
  }

  private void request(RequestEvent request) {
    kind("REQ").status(request.status());
    put(request.method()).text.append(' ');
    put(
        format == ConsoleFormat.COMPACT && request.route() != null
            ? request.route()
            : request.path());
    duration(request.durationNanos());
    text.append(' ');
    paint(request.isError() ? RED : DIM, request.outcome().jsonName());
    ErrorInfo error = request.error();
    if (format == ConsoleFormat.COMPACT) {
      if (error != null) {
        text.append(' ');
        put(error.type());
      }
      return;
    }
    below("route ").put(request.route() == null ? "-" : request.route());
    field("in", request.bytesIn());
    field("out", request.bytesOut());
    exchange(request.connectionId(), request.requestId(), 0);
    StreamKind stream = request.stream();
    if (stream != null) {
      text.append(" stream=").append(stream.jsonName());
    }
    if (request.blockedNanos() > 0) {
      text.append(" waited for the client");
      duration(request.blockedNanos());
    }
    if (error != null) {
      error(error);
    }
  }

  private void error(ErrorInfo error) {
    below("");
    paint(RED, () -> put(error.type()));
    if (error.message() != null) {
      text.append(": ");
      put(error.message());
    }
    error.stack().lines().limit(STACK_LINES).forEach(frame -> below("  ").put(frame));
  }

  private void function(FunctionEvent function) {
    kind("FN").put(function.function());
    duration(function.durationNanos());
    String exception = function.exceptionType();
    if (exception != null) {
      text.append(' ');
      paint(function.isError() ? RED : YELLOW, () -> put(exception));
    }
  }

  private void statement(DatabaseEvent statement) {
    kind("DB").put(statement.vendor()).text.append(' ');
    put(statement.operation());
    if (statement.target() != null) {
      text.append(' ');
      put(statement.target());
    }
    duration(statement.durationNanos());
    if (statement.rows() >= 0) {
      field("rows", statement.rows());
    }
    if (statement.isError()) {
      text.append(' ');
      paint(RED, () -> put(statement.errorCode() == null ? "failed" : statement.errorCode()));
    }
    String query = statement.query();
    if (format == ConsoleFormat.PRETTY && query != null) {
      below("").put(query);
    }
  }

  private ConsoleSink kind(String kind) {
    text.append(kind).append(" ".repeat(7 - kind.length()));
    return this;
  }

  private void status(int status) {
    String colour = status >= 500 || status == 0 ? RED : status >= 400 ? YELLOW : GREEN;
    paint(colour, status == 0 ? "---" : Integer.toString(status));
    text.append(' ');
  }

  private void duration(long nanos) {
    text.append(String.format(Locale.ROOT, " %.3fms", nanos / 1e6));
  }

  private void exchange(long connection, long request, long stream) {
    field("conn", connection);
    field("req", request);
    if (stream != 0) {
      field("stream", stream);
    }
  }

  private void field(String name, long value) {
    text.append(' ').append(name).append('=').append(value);
  }

  private ConsoleSink below(String start) {
    text.append('\n').append(INDENT).append(start);
    return this;
  }

  private void paint(String colour, String words) {
    paint(colour, () -> text.append(words));
  }

  private void paint(String colour, Runnable words) {
    if (isColoured) {
      text.append(colour);
    }
    words.run();
    if (isColoured) {
      text.append(RESET);
    }
  }

  /** Appends what the application supplied; a null, which records allow, as a hyphen. */
  private ConsoleSink put(@Nullable String given) {
    String value = given == null ? "-" : given;
    int end = Math.min(value.length(), TEXT_MAX_CHARS);
    for (int i = 0; i < end; ) {
      int codePoint = value.codePointAt(i);
      i += Character.charCount(codePoint);
      if (JsonText.isUnsafe(codePoint)) {
        text.append(String.format(Locale.ROOT, "\\u%04x", codePoint));
      } else if (codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE) {
        text.append('\uFFFD');
      } else {
        text.appendCodePoint(codePoint);
      }
    }
    if (end < value.length()) {
      text.append('\u2026');
    }
    return this;
  }

  @SuppressWarnings("SystemConsoleNull") // it is null on Java 17; what later ones do is handled
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      // From Java 22 on there is a console even where there is no terminal, and a method to ask.
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true;
    }
  }
}
