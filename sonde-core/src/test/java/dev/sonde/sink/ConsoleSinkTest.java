// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.event.Event;
import dev.sonde.event.RequestStarted;
import dev.sonde.json.JsonText;
import dev.sonde.time.ClockAnchor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class ConsoleSinkTest {
  private static final ClockAnchor ANCHOR = new ClockAnchor(1_767_225_600_123_000_000L, 0);

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private String print(ConsoleFormat format, boolean isColoured, List<Event> events)
      throws IOException {
    PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8);
    new ConsoleSink(format, out, isColoured, () -> ANCHOR).accept(events);
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void accept_showsOneLineAnEventWhenCompact() throws IOException {
    assertThat(print(ConsoleFormat.COMPACT, true, Samples.typical()))
        .isEqualTo(
            """
            00:00:00.123 OPEN   192.0.2.9:50123 -> 127.0.0.1:8080 h1 tls conn=7
            00:00:00.123 START  GET /users/42 HTTP/1.1 conn=7 req=9
            00:00:00.123 DONE   200 /users/{id} 1.235ms bytes=512 conn=7 req=9 stream=3
            00:00:00.123 GONE   during the response bytes=100 conn=7 req=9 stream=3
            00:00:00.123 CLOSE  timeout keep_alive_timeout 9.000ms requests=2 bytes=612 conn=7
            00:00:00.123 REQ    500 POST /orders 1.500ms app_error java.lang.IllegalStateException
            00:00:00.123 FN     price 0.001ms java.io.IOException
            00:00:00.123 DB     postgresql SELECT users 0.080ms rows=0 23505
            00:00:00.123 DONE   200 /poll 9.000ms bytes=512 conn=7 req=9
            00:00:00.123 GONE   during the response bytes=100 conn=7 req=9
            00:00:00.123 REQ    200 GET /ticks 1.500ms client_abort_during_body
            """);
  }

  @Test
  void accept_showsMoreWhenPretty() throws IOException {
    assertThat(print(ConsoleFormat.PRETTY, false, Samples.typical().subList(5, 8)))
        .isEqualTo(
            """
            00:00:00.123 REQ    500 POST /orders 1.500ms app_error
                                route /orders in=10 out=20 conn=7 req=9
                                java.lang.IllegalStateException: no
                                  at a.B.c(B.java:1)
                                  at d.E
            00:00:00.123 FN     price 0.001ms java.io.IOException
            00:00:00.123 DB     postgresql SELECT users 0.080ms rows=0 23505
                                SELECT * FROM users WHERE id = ?
            """);
  }

  @Test
  void accept_showsAStreamAndItsWaitForTheClientWhenPretty() throws IOException {
    assertThat(print(ConsoleFormat.PRETTY, false, Samples.typical().subList(10, 11)))
        .isEqualTo(
            """
            00:00:00.123 REQ    200 GET /ticks 1.500ms client_abort_during_body
                                route /ticks in=0 out=20 conn=7 req=9 stream=sse waited for the client 0.400ms
            """);
  }

  @Test
  void accept_addsNothingButColoursWhenColoured() throws IOException {
    String plain = print(ConsoleFormat.PRETTY, false, Samples.typical());
    bytes.reset();
    String coloured = print(ConsoleFormat.PRETTY, true, Samples.typical());

    assertThat(coloured).contains("\u001B[31m500\u001B[0m").contains("\u001B[32m200\u001B[0m");
    assertThat(coloured.replaceAll("\u001B\\[\\d+m", "")).isEqualTo(plain);
  }

  @Test
  void accept_letsNoTextSteerTheTerminal() throws IOException {
    List<Event> events =
        IntStream.rangeClosed(0, Character.MAX_VALUE)
            .mapToObj(c -> withPath("a" + (char) c))
            .toList();

    String printed = print(ConsoleFormat.COMPACT, false, events);

    assertThat(printed.chars().filter(c -> c == '\n').count()).isEqualTo(events.size());
    assertThat(printed.chars().filter(c -> c != '\n').noneMatch(JsonText::isUnsafe)).isTrue();
    assertThat(printed).contains("a\\u001b ", "a\\u202e ", "a\\u000a ", "a\\u2028 ", "a\u00e9 ");
  }

  @Test
  void accept_takesWhateverRecordsHold() throws IOException {
    Random random = new Random(3);
    List<Event> events = IntStream.range(0, 2_000).mapToObj(i -> Samples.random(random)).toList();

    String compact = print(ConsoleFormat.COMPACT, false, events);
    bytes.reset();
    print(ConsoleFormat.PRETTY, true, Samples.extreme());

    assertThat(compact.lines()).hasSize(events.size());
  }

  @Test
  void accept_cutsALongText() throws IOException {
    String printed = print(ConsoleFormat.COMPACT, false, List.of(withPath("x".repeat(10_000))));

    assertThat(printed).hasSizeLessThan(700).contains("x\u2026 HTTP/1.1");
  }

  @Test
  void accept_failsWhenTheStreamIsBroken() {
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("broken pipe");
          }
        };
    PrintStream out = new PrintStream(broken, true, StandardCharsets.UTF_8);
    ConsoleSink sink = new ConsoleSink(ConsoleFormat.COMPACT, out, false, () -> ANCHOR);

    assertThatThrownBy(() -> sink.accept(List.of(withPath("/"))))
        .isInstanceOf(IOException.class)
        .hasMessage("standard output is closed or broken");
  }

  @Test
  void wantsColour_followsNoColorAndTheTerminal() {
    assertThat(ConsoleSink.wantsColour(Map.of("TERM", "xterm"), true)).isTrue();
    assertThat(ConsoleSink.wantsColour(Map.of("NO_COLOR", ""), true)).isTrue();
    assertThat(ConsoleSink.wantsColour(Map.of("NO_COLOR", "1"), true)).isFalse();
    assertThat(ConsoleSink.wantsColour(Map.of("TERM", "dumb"), true)).isFalse();
    assertThat(ConsoleSink.wantsColour(Map.of("TERM", "xterm"), false)).isFalse();
  }

  private static Event withPath(String path) {
    return new RequestStarted(1, 1, 1, 0, "GET", path, "HTTP/1.1", 77);
  }
}
