// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class LifecycleInvariantsTest {
  private static final int PORT = 8080;
  private static final ConnectionOpened OPENED = opened(1, 100);
  private static final RequestStarted FIRST = started(1, 11, 0, 110);
  private static final ResponseCompleted FIRST_END = completed(1, 11, 0, 130, 20, 50);
  private static final RequestStarted SECOND = started(1, 12, 0, 140);
  private static final ResponseCompleted SECOND_END = completed(1, 12, 0, 160, 20, 70);
  private static final ConnectionClosed CLOSED = closed(1, 2, 120, CloseReason.COMPLETE, 200);

  private final LifecycleInvariants invariants =
      new LifecycleInvariants(Map.of(PORT, false, 8443, true), LifecycleInvariantsTest::route);

  @Test
  void violations_noneOfAnHonestConnection() {
    assertThat(violations(OPENED, FIRST, FIRST_END, SECOND, SECOND_END, CLOSED)).isEmpty();
  }

  @Test
  void violations_noneOfAClientThatLeft() {
    assertThat(
            violations(
                OPENED,
                FIRST,
                disconnected(1, 11, 0, 30, 150),
                closed(1, 0, 30, CloseReason.CLIENT_DISCONNECT, 150)))
        .isEmpty();
  }

  @Test
  void violations_noneOfAResponseThatTheServerBroke() {
    assertThat(violations(OPENED, FIRST, closed(1, 0, 30, CloseReason.ERROR, 150))).isEmpty();
  }

  @Test
  void violations_noneOfStreamsThatAreRecordedOutOfTime() {
    assertThat(
            violations(
                OPENED,
                started(1, 21, 1, 110),
                started(1, 22, 3, 105),
                completed(1, 22, 3, 130, 25, 5),
                completed(1, 21, 1, 120, 10, 5),
                closed(1, 2, 10, CloseReason.COMPLETE, 200)))
        .isEmpty();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("lies")
  void violations_tellEveryLie(String lie, String complaint, List<LifecycleEvent> events) {
    assertThat(invariants.violations(events))
        .as(lie)
        .anySatisfy(violation -> assertThat(violation).contains(complaint));
  }

  static Stream<Arguments> lies() {
    return Stream.of(
        lie("close twice", "is closed 2 times", OPENED, FIRST, FIRST_END, CLOSED, CLOSED),
        lie("no close", "is closed 0 times", OPENED, FIRST, FIRST_END),
        lie("no opening", "is opened 0 times", FIRST, FIRST_END, CLOSED),
        lie("opened twice", "is opened 2 times", OPENED, OPENED, CLOSED),
        lie("opening not first", "does not begin", FIRST, OPENED, FIRST_END, CLOSED),
        lie("event after close", "goes on after", OPENED, FIRST, CLOSED, FIRST_END),
        lie(
            "connection id used twice",
            "is opened 2 times",
            OPENED,
            closed(1, 0, 0, CloseReason.COMPLETE, 120),
            opened(1, 130),
            closed(1, 0, 0, CloseReason.COMPLETE, 140)),
        lie("id is zero", "no positive id", opened(0, 1), closed(0, 0, 0, CloseReason.ERROR, 1)),
        lie(
            "request without an end",
            "without an end",
            OPENED,
            FIRST,
            closed(1, 0, 0, CloseReason.COMPLETE, 200)),
        lie(
            "client gone without saying so",
            "without an end",
            OPENED,
            FIRST,
            closed(1, 0, 0, CloseReason.CLIENT_DISCONNECT, 200)),
        lie(
            "two ends",
            "completes what is not open",
            OPENED,
            FIRST,
            FIRST_END,
            FIRST_END,
            closed(1, 2, 100, CloseReason.COMPLETE, 200)),
        lie(
            "response and disconnect",
            "disconnects what is not open",
            OPENED,
            FIRST,
            FIRST_END,
            disconnected(1, 11, 0, 0, 150),
            closed(1, 1, 50, CloseReason.CLIENT_DISCONNECT, 200)),
        lie(
            "end before start",
            "completes what is not open",
            OPENED,
            FIRST_END,
            FIRST,
            closed(1, 1, 50, CloseReason.ERROR, 200)),
        lie(
            "request id used twice",
            "not unique",
            OPENED,
            FIRST,
            FIRST_END,
            started(1, 11, 0, 140),
            completed(1, 11, 0, 160, 20, 70),
            CLOSED),
        lie(
            "stream id used twice",
            "starts a stream twice",
            OPENED,
            started(1, 21, 1, 110),
            completed(1, 21, 1, 120, 10, 0),
            started(1, 22, 1, 130),
            completed(1, 22, 1, 140, 10, 0),
            closed(1, 2, 0, CloseReason.COMPLETE, 200)),
        lie(
            "end on another stream",
            "on another stream",
            OPENED,
            started(1, 21, 1, 110),
            completed(1, 21, 3, 120, 10, 0),
            closed(1, 1, 0, CloseReason.COMPLETE, 200)),
        lie(
            "time runs back",
            "goes back in time",
            OPENED,
            FIRST,
            FIRST_END,
            started(1, 12, 0, 125),
            completed(1, 12, 0, 160, 35, 70),
            CLOSED),
        lie(
            "event later than the close",
            "later than its close",
            OPENED,
            FIRST,
            completed(1, 11, 0, 230, 120, 50),
            closed(1, 1, 50, CloseReason.COMPLETE, 200)),
        lie(
            "wrong duration of a request",
            "not from start to end",
            OPENED,
            FIRST,
            completed(1, 11, 0, 130, 21, 50),
            closed(1, 1, 50, CloseReason.COMPLETE, 200)),
        lie(
            "wrong duration of a connection",
            "not from its opening to its close",
            OPENED,
            new ConnectionClosed(1, 0, 0, 0, 99, CloseReason.COMPLETE, null, 200)),
        lie(
            "too many served",
            "served not 1",
            OPENED,
            FIRST,
            FIRST_END,
            closed(1, 2, 50, CloseReason.COMPLETE, 200)),
        lie(
            "bytes lost",
            "sent not 50",
            OPENED,
            FIRST,
            FIRST_END,
            closed(1, 1, 49, CloseReason.COMPLETE, 200)),
        lie(
            "bytes lost beside a broken response",
            "sent not 50",
            OPENED,
            FIRST,
            FIRST_END,
            SECOND,
            closed(1, 1, 49, CloseReason.ERROR, 200)),
        lie(
            "interim response as an end",
            "no true status",
            OPENED,
            FIRST,
            new ResponseCompleted(1, 0, 11, 0, 100, 0, 20, 130, 5, "/hello"),
            closed(1, 1, 0, CloseReason.COMPLETE, 200)),
        lie(
            "first byte after the last",
            "first byte after its last",
            OPENED,
            FIRST,
            new ResponseCompleted(1, 0, 11, 0, 200, 0, 20, 130, 21, "/hello"),
            closed(1, 1, 0, CloseReason.COMPLETE, 200)),
        lie(
            "no route",
            "has not the route /hello",
            OPENED,
            FIRST,
            new ResponseCompleted(1, 0, 11, 0, 200, 50, 20, 130, 5, null),
            closed(1, 1, 50, CloseReason.COMPLETE, 200)),
        lie(
            "path with a query",
            "plain path",
            OPENED,
            new RequestStarted(1, 0, 11, 0, "GET", "/nowhere?a=1", "HTTP/1.1", 110),
            FIRST_END,
            closed(1, 1, 50, CloseReason.COMPLETE, 200)),
        lie(
            "stream on HTTP/1",
            "stream where there is none",
            OPENED,
            new RequestStarted(1, 0, 11, 3, "GET", "/hello", "HTTP/1.1", 110),
            completed(1, 11, 3, 130, 20, 50),
            closed(1, 1, 50, CloseReason.COMPLETE, 200)),
        lie(
            "wrong server port",
            "port that the server does not have",
            new ConnectionOpened(1, 0, "127.0.0.1", 40000, "127.0.0.1", 0, Protocol.H1, 100, false),
            closed(1, 0, 0, CloseReason.COMPLETE, 200)),
        lie(
            "no client port",
            "has no client",
            new ConnectionOpened(1, 0, "127.0.0.1", -1, "127.0.0.1", PORT, Protocol.H1, 100, false),
            closed(1, 0, 0, CloseReason.COMPLETE, 200)),
        lie(
            "TLS not told",
            "wrong about TLS",
            new ConnectionOpened(
                1, 0, "127.0.0.1", 40000, "127.0.0.1", 8443, Protocol.H1, 100, false),
            closed(1, 0, 0, CloseReason.COMPLETE, 200)));
  }

  private List<String> violations(LifecycleEvent... events) {
    return invariants.violations(List.of(events));
  }

  private static @Nullable String route(String path) {
    return path.equals("/hello") ? "/hello" : null;
  }

  private static Arguments lie(String name, String complaint, LifecycleEvent... events) {
    return Arguments.of(name, complaint, new ArrayList<>(List.of(events)));
  }

  private static ConnectionOpened opened(long id, long nanos) {
    return new ConnectionOpened(
        id, 0, "127.0.0.1", 40000, "127.0.0.1", PORT, Protocol.UNKNOWN, nanos, false);
  }

  private static RequestStarted started(long id, long request, long stream, long nanos) {
    String version = stream == 0 ? "HTTP/1.1" : "HTTP/2.0";
    return new RequestStarted(id, 0, request, stream, "GET", "/hello", version, nanos);
  }

  private static ResponseCompleted completed(
      long id, long request, long stream, long nanos, long duration, long bytes) {
    return new ResponseCompleted(
        id, 0, request, stream, 200, bytes, duration, nanos, duration / 2, "/hello");
  }

  private static ClientDisconnected disconnected(
      long id, long request, long stream, long bytes, long nanos) {
    return new ClientDisconnected(id, 0, request, stream, true, bytes, nanos);
  }

  private static ConnectionClosed closed(
      long id, long served, long bytes, CloseReason reason, long nanos) {
    long openedNanos = id == 0 ? 1 : nanos == 140 ? 130 : 100;
    return new ConnectionClosed(id, 0, served, bytes, nanos - openedNanos, reason, null, nanos);
  }
}
