// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.Protocol;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@ValueSource(booleans = {true, false})
final class ConnectionStateTest {
  private static final InetSocketAddress CLIENT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 50_000);
  private static final InetSocketAddress SERVER =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080);
  private static final String OPENED = "opened 127.0.0.1:50000";
  private static final String STARTED = "started GET /a";

  private final TranscriptOutlet outlet;
  private final ListenerScope listener;
  private final ConnectionState connection;

  ConnectionStateTest(boolean tellsEveryStart) {
    outlet = new TranscriptOutlet(tellsEveryStart);
    listener = new ListenerScope("test", EnumSet.allOf(Capability.class), outlet);
    connection = listener.opened(0, CLIENT, SERVER, Protocol.H1, false, 1_000);
  }

  private Exchange begin(long streamId) {
    return connection.begin(0, streamId, "GET", "/a", "HTTP/1.1", 2_000);
  }

  @Test
  void sweep_neverTellsACloseEarlyOrTwice() {
    Exchange exchange = begin(0);
    outlet.duringEnd =
        () -> {
          connection.closed(Initiator.REMOTE, null, 4_000);
          listener.sweep();
        };

    exchange.completed(200, 10, 3_000);
    listener.sweep();

    assertThat(outlet.lines)
        .containsExactly(
            OPENED,
            STARTED,
            "ended completed 200 10 bytes 1000 ns",
            "closed complete/null 1 requests 10 bytes");
    assertThat(listener.openConnections()).isEmpty();
  }

  @Test
  void closed_isToldAfterTheEndOfTheNextRequestThoughTheOneBeforeLooksLate() {
    Exchange first = begin(0);
    first.completed(200, 10, 2_500);
    Exchange second = begin(0);
    List<String> toldBeforeTheEnd = new ArrayList<>();
    outlet.duringEnd =
        () -> {
          connection.closed(Initiator.REMOTE, null, 4_000);
          // Its thread was preempted between giving up the place and looking for the close.
          if (first.isAlone()) {
            first.finish();
          }
          toldBeforeTheEnd.addAll(outlet.lines);
        };

    second.completed(200, 10, 3_000);

    assertThat(toldBeforeTheEnd).noneMatch(line -> line.startsWith("closed"));
    assertThat(outlet.lines).last().isEqualTo("closed complete/null 2 requests 20 bytes");
    assertThat(listener.openConnections()).isEmpty();
  }

  @Test
  void closed_isCompleteAfterAnsweredRequests() {
    begin(0).completed(200, 10, 2_500);
    begin(0).completed(404, 5, 3_000);

    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(outlet.lines)
        .containsExactly(
            OPENED,
            STARTED,
            "ended completed 200 10 bytes 500 ns",
            STARTED,
            "ended completed 404 5 bytes 500 ns",
            "closed complete/null 2 requests 15 bytes");
    assertThat(listener.openConnections()).isEmpty();
  }

  @Test
  void closed_isClientDisconnectWhenARequestIsOpen() {
    Exchange exchange = begin(0);
    exchange.committed(200, 2_100);
    exchange.sent(300);

    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(outlet.lines)
        .containsExactly(
            OPENED,
            STARTED,
            "ended client_abort_during_body 200 300 bytes 2000 ns",
            "closed client_disconnect/null 0 requests 300 bytes");
  }

  @Test
  void closed_isErrorWhenTheServerClosesOnAnOpenRequest() {
    begin(0);

    connection.closed(Initiator.LOCAL, null, 4_000);

    assertThat(outlet.lines)
        .containsExactly(
            OPENED,
            STARTED,
            "ended app_error 0 0 bytes 2000 ns",
            "closed error/aborted_by_app 0 requests 0 bytes");
  }

  @Test
  void closed_blamesTheClientWhenAnIoFailureMadeTheServerClose() {
    begin(0);

    connection.closed(Initiator.LOCAL, new IOException("Connection reset by peer"), 4_000);

    assertThat(outlet.lines).last().asString().startsWith("closed client_disconnect/connection_re");
  }

  @ParameterizedTest
  @EnumSource(CloseHint.class)
  void closed_followsTheFirstHint(CloseHint hint) {
    connection.hint(hint);
    connection.hint(CloseHint.SHUTDOWN);

    connection.closed(Initiator.LOCAL, null, 4_000);

    assertThat(outlet.lines)
        .last()
        .isEqualTo(
            "closed %s/%s 0 requests 0 bytes".formatted(hint.reason().jsonName(), hint.detail()));
  }

  @Test
  void closed_isClientDisconnectWhenTheClientLeavesTheLastOfMaxRequests() {
    connection.hint(CloseHint.MAX_REQUESTS);
    begin(0).committed(200, 2_100);

    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(outlet.lines)
        .endsWith(
            "ended client_abort_during_body 200 0 bytes 2000 ns",
            "closed client_disconnect/null 0 requests 0 bytes");
  }

  @Test
  void closed_isErrorWhenTheServerCutsTheLastOfMaxRequests() {
    connection.hint(CloseHint.MAX_REQUESTS);
    begin(0);

    connection.closed(Initiator.LOCAL, null, 4_000);

    assertThat(outlet.lines)
        .endsWith(
            "ended app_error 0 0 bytes 2000 ns", "closed error/aborted_by_app 0 requests 0 bytes");
  }

  @Test
  void closed_isServerShutdownWhenTheListenerStops() {
    listener.stopping();

    connection.closed(Initiator.LOCAL, null, 4_000);

    assertThat(outlet.lines).last().isEqualTo("closed server_shutdown/null 0 requests 0 bytes");
  }

  static Stream<Arguments> abortsOfTheOnlyRequest() {
    return Stream.of(
        Arguments.of(AbortKind.CLIENT_RESET, "client_abort", "client_disconnect/connection_reset"),
        Arguments.of(AbortKind.READ_EOF, "client_abort", "client_disconnect/null"),
        Arguments.of(AbortKind.WRITE_FAILED, "client_abort", "client_disconnect/null"),
        Arguments.of(AbortKind.SERVER_RESET, "app_error", "error/aborted_by_app"),
        Arguments.of(AbortKind.HANDLER_FAILED, "app_error", "error/aborted_by_app"),
        Arguments.of(AbortKind.TIMEOUT, "server_timeout", "timeout/response_timeout"));
  }

  @ParameterizedTest
  @MethodSource("abortsOfTheOnlyRequest")
  void aborted_marksTheConnectionOfHttp1(AbortKind kind, String outcome, String reason) {
    begin(0).aborted(kind, null, 7, 3_000);

    connection.closed(Initiator.UNKNOWN, null, 4_000);

    assertThat(outlet.lines).hasSize(4);
    assertThat(outlet.lines.get(2)).startsWith("ended " + outcome).contains(" 7 bytes");
    assertThat(outlet.lines.get(3)).isEqualTo("closed " + reason + " 0 requests 7 bytes");
  }

  @ParameterizedTest
  @EnumSource(names = {"CLIENT_RESET", "SERVER_RESET", "HANDLER_FAILED", "TIMEOUT"})
  void aborted_leavesTheConnectionAloneWhenItIsOneStream(AbortKind kind) {
    Exchange first = begin(1);
    Exchange second = begin(3);
    first.aborted(kind, null, 0, 3_000);
    second.completed(200, 1, 3_000);

    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(outlet.lines).last().isEqualTo("closed complete/null 1 requests 1 bytes");
  }

  @ParameterizedTest
  @EnumSource(names = {"CLIENT_RESET", "READ_EOF", "WRITE_FAILED"})
  void aborted_isAResponseOnceTheAnnouncedBodyIsSent(AbortKind kind) {
    beginAnnounced(1, 7).aborted(kind, null, 7, 3_000);

    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(outlet.lines)
        .endsWith("ended completed 200 7 bytes 1000 ns", "closed complete/null 1 requests 7 bytes");
  }

  @Test
  void closed_endsAResponseWhoseAnnouncedBodyIsSent() {
    Exchange unused = beginAnnounced(1, 7);

    connection.closed(Initiator.REMOTE, new IOException("reset"), 4_000);

    assertThat(outlet.lines)
        .endsWith("ended completed 200 7 bytes 2000 ns", "closed complete/null 1 requests 7 bytes");
  }

  @ParameterizedTest
  @EnumSource(names = {"SERVER_RESET", "HANDLER_FAILED", "TIMEOUT"})
  void aborted_cutsWhatTheServerGivesUpThoughItsBodyIsSent(AbortKind kind) {
    beginAnnounced(1, 7).aborted(kind, null, 7, 3_000);

    assertThat(outlet.lines).last().asString().doesNotContain("completed");
  }

  @Test
  void announced_countsOnlyWithAllOfItAndOnAStream() {
    beginAnnounced(1, 6).aborted(AbortKind.CLIENT_RESET, null, 6, 3_000);
    beginAnnounced(0, 7).aborted(AbortKind.CLIENT_RESET, null, 7, 3_000);
    Exchange open = beginAnnounced(3, 6);
    connection.closed(Initiator.REMOTE, null, 4_000);

    assertThat(open.isOpen()).isFalse();
    assertThat(outlet.lines)
        .filteredOn(line -> line.startsWith("ended"))
        .hasSize(3)
        .allMatch(line -> line.startsWith("ended client_abort_during_body"));
  }

  /** A request whose response announces 7 bytes, of which so many are sent. */
  private Exchange beginAnnounced(long streamId, long sent) {
    Exchange exchange = begin(streamId);
    exchange.announced(7);
    exchange.committed(200, 2_000);
    exchange.sent(sent);
    return exchange;
  }

  @Test
  void end_countsOnce() {
    Exchange exchange = begin(0);
    exchange.completed(200, 10, 2_500);
    exchange.completed(200, 10, 2_600);
    exchange.aborted(AbortKind.CLIENT_RESET, null, 0, 2_700);
    connection.closed(Initiator.REMOTE, null, 4_000);
    connection.closed(Initiator.LOCAL, null, 5_000);

    assertThat(outlet.lines)
        .hasSize(4)
        .last()
        .isEqualTo("closed complete/null 1 requests 10 bytes");
    assertThat(listener.lateCalls()).isEqualTo(3);
  }

  @Test
  void begin_isIgnoredAndCountedAfterTheClose() {
    connection.closed(Initiator.REMOTE, null, 4_000);

    Exchange late = begin(0);
    late.committed(200, 5_000);
    late.completed(200, 10, 5_000);

    assertThat(outlet.lines).containsExactly(OPENED, "closed complete/null 0 requests 0 bytes");
    assertThat(listener.lateCalls()).isEqualTo(2);
  }

  @Test
  void beginLate_startsBeforeWhatWasReportedMeanwhile() {
    begin(1).completed(200, 10, 9_000);

    Exchange late = requireNonNull(connection.beginLate(0, 3, "GET", "/a", "HTTP/2.0", 3_000));
    late.completed(200, 10, 9_500);

    assertThat(late.startNanos()).isEqualTo(3_000);
    assertThat(late.durationNanos()).isEqualTo(6_500);
    assertThat(connection.lastNanos()).isEqualTo(9_500);
  }

  @Test
  void beginLate_ofAClosedConnectionTellsNothing() {
    connection.closed(Initiator.REMOTE, null, 5_000);

    assertThat(connection.beginLate(0, 1, "GET", "/a", "HTTP/2.0", 3_000)).isNull();
    assertThat(listener.lateCalls()).isZero();
  }

  @Test
  void beginLate_startsNotBeforeItsConnection() {
    Exchange late = requireNonNull(connection.beginLate(0, 1, "GET", "/a", "HTTP/2.0", 500));

    assertThat(late.startNanos()).isEqualTo(1_000);
  }

  @Test
  void malformed_isARejectedRequestAndAnError() {
    connection.malformed(0, 400, 2_000);
    connection.closed(Initiator.LOCAL, null, 4_000);

    assertThat(outlet.lines)
        .containsExactly(
            OPENED,
            "started - -",
            "ended rejected 400 0 bytes 0 ns",
            "closed error/malformed_request 1 requests 0 bytes");
  }

  @Test
  void upgraded_endsTheRequestAndKeepsTheConnection() {
    begin(0).upgraded(Protocol.WEBSOCKET, 101, 2_500);

    assertThat(connection.protocol()).isEqualTo(Protocol.WEBSOCKET);
    assertThat(connection.isClosed()).isFalse();
    connection.closed(Initiator.REMOTE, new IOException("Connection reset"), 4_000);
    assertThat(outlet.lines)
        .last()
        .isEqualTo("closed client_disconnect/connection_reset 1 requests 0 bytes");
  }

  @Test
  void begin_keepsNeitherQueryNorPathParameters() {
    Exchange exchange =
        connection.begin(0, 0, "GET", "/a;jsessionid=1/b?token=2", "HTTP/1.1", 2_000);

    assertThat(exchange.path()).isEqualTo("/a/b");
  }

  @Test
  void times_neverGoBackOnAConnection() {
    Exchange exchange = connection.begin(0, 0, "GET", "/a", "HTTP/1.1", 500);
    exchange.completed(200, 0, 100);
    connection.closed(Initiator.REMOTE, null, 0);

    assertThat(exchange.startNanos()).isEqualTo(1_000);
    assertThat(exchange.durationNanos()).isZero();
    assertThat(connection.closedNanos()).isEqualTo(1_000);
  }

  @Test
  void failed_keepsTheFirstExceptionAndDoesNotEnd() {
    Exchange exchange = begin(0);
    IllegalStateException first = new IllegalStateException("first");
    exchange.failed(first);
    exchange.failed(new IllegalStateException("second"));
    exchange.completed(500, 20, 3_000);

    assertThat(exchange.error()).isSameAs(first);
    assertThat(outlet.lines).last().isEqualTo("ended completed 500 20 bytes 1000 ns");
  }

  @Test
  void release_letsTheNextRequestHaveTheObject() {
    ListenerScope lone =
        new ListenerScope("test", EnumSet.noneOf(Capability.class), new TranscriptOutlet(false));
    ConnectionState state = lone.opened(0, CLIENT, SERVER, Protocol.H1, false, 0);
    Exchange first = state.begin(0, 0, "POST", "/a", "HTTP/1.0", 1);
    long id = first.id();
    first.route("/{a}");
    first.attach("a");
    first.failed(new IllegalStateException());
    first.bytesIn(7);
    first.committed(500, 2);
    first.release();
    first.completed(500, 3, 4);
    first.release();

    Exchange second = state.begin(1, 0, "GET", "/b", "HTTP/1.1", 5);

    assertThat(second).isSameAs(first);
    assertThat(second.id()).isGreaterThan(id);
    assertThat(second.workerId()).isEqualTo(1);
    assertThat(second.method()).isEqualTo("GET");
    assertThat(second.path()).isEqualTo("/b");
    assertThat(second.httpVersion()).isEqualTo("HTTP/1.1");
    assertThat(second.startNanos()).isEqualTo(5);
    assertThat(second.route()).isNull();
    assertThat(second.attachment()).isNull();
    assertThat(second.error()).isNull();
    assertThat(second.spanOrNull()).isNull();
    assertThat(second.isCommitted()).isFalse();
    assertThat(second.bytesIn()).isZero();
    assertThat(second.isOpen()).isTrue();
    assertThat(lone.lateCalls()).isZero();
  }

  @Test
  void begin_makesANewObjectUnlessTheLastWasReleased() {
    TranscriptOutlet transcript = new TranscriptOutlet(false);
    ListenerScope lone = new ListenerScope("test", EnumSet.noneOf(Capability.class), transcript);
    ConnectionState state = lone.opened(0, CLIENT, SERVER, Protocol.H1, false, 0);
    Exchange first = state.begin(0, 0, "GET", "/a", "HTTP/1.1", 1);
    first.completed(200, 1, 2);

    Exchange second = state.begin(0, 0, "GET", "/b", "HTTP/1.1", 3);
    Exchange pipelined = state.begin(0, 0, "GET", "/c", "HTTP/1.1", 4);
    first.completed(200, 1, 5);
    second.completed(200, 1, 6);
    pipelined.completed(200, 1, 7);

    assertThat(second).isNotSameAs(first);
    assertThat(lone.lateCalls()).isEqualTo(1);
    assertThat(state.requestsServed()).isEqualTo(3);
    assertThat(state.bodyBytesSent()).isEqualTo(3);
    assertThat(state.openRequests()).isZero();
  }

  @Test
  void release_isTooLateOnceTheNextRequestHasBegun() {
    ListenerScope lone =
        new ListenerScope("test", EnumSet.noneOf(Capability.class), new TranscriptOutlet(false));
    ConnectionState state = lone.opened(0, CLIENT, SERVER, Protocol.H1, false, 0);
    Exchange first = state.begin(0, 0, "GET", "/a", "HTTP/1.1", 1);
    first.completed(200, 1, 2);
    Exchange second = state.begin(0, 0, "GET", "/b", "HTTP/1.1", 3);

    first.release();
    second.completed(200, 1, 4);
    second.release();
    Exchange third = state.begin(0, 0, "GET", "/c", "HTTP/1.1", 5);

    assertThat(second).isNotSameAs(first);
    assertThat(third).isSameAs(second);
    assertThat(lone.lateCalls()).isZero();
  }

  @Test
  void outlet_isKeptFromTheServerWhenItThrows() {
    IllegalStateException failure = new IllegalStateException("broken outlet");
    ListenerScope faulty =
        new ListenerScope("test", EnumSet.noneOf(Capability.class), new ThrowingOutlet(failure));

    ConnectionState state = faulty.opened(0, CLIENT, SERVER, Protocol.H1, false, 0);
    state.begin(0, 0, "GET", "/", "HTTP/1.1", 1).completed(200, 0, 2);
    state.closed(Initiator.REMOTE, null, 3);
    faulty.rejected(CloseHint.MAX_CONNECTIONS, 4);

    assertThat(faulty.faults()).isEqualTo(5);
    assertThat(faulty.firstFault()).isSameAs(failure);
    assertThat(faulty.openConnections()).isEmpty();
  }

  private record ThrowingOutlet(RuntimeException failure) implements CaptureOutlet {
    @Override
    public void connectionOpened(ConnectionState connection) {
      throw failure;
    }

    @Override
    public void requestStarted(Exchange exchange) {
      throw failure;
    }

    @Override
    public void requestEnded(Exchange exchange) {
      throw failure;
    }

    @Override
    public void connectionClosed(ConnectionState connection) {
      throw failure;
    }

    @Override
    public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {
      throw failure;
    }
  }
}
