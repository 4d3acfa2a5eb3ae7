// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Capability;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Event;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.sampling.PathRule;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.GroupSnapshot.Latency;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.stats.StatsSnapshot.Ended;
import dev.sonde.stats.StatsStore;
import dev.sonde.testing.RecordingSink;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class PipelineStreamsTest {
  private static final Duration CLOSE = Duration.ofSeconds(10);
  private static final long MILLI = 1_000_000;

  private final MonotonicClock clock = MonotonicClock.system();
  private final StatsStore stats = new StatsStore(StatsConfig.defaults(), clock);
  private final RecordingSink<Event> sink = new RecordingSink<>();
  private final Pipeline pipeline =
      new Pipeline(
          new Pipeline.Config(
              8_192,
              Duration.ofMinutes(1),
              false,
              false,
              List.of(PathRule.parse("/poll"), PathRule.parse("exact:/held"))),
          stats,
          new ErrorRing(clock),
          SamplingPolicy.builder().exclude("/quiet").build(),
          clock);
  private final ListenerScope listener =
      new ListenerScope(
          "test", EnumSet.of(Capability.BLOCKED_WRITES, Capability.WEBSOCKET), pipeline);

  /** So long ago that whatever a test makes of it is past. */
  private final long start = clock.nanoTime() - Duration.ofHours(3).toNanos();

  PipelineStreamsTest() {
    pipeline.addSink(sink, settings -> settings.name("test"));
    pipeline.watch(listener);
  }

  @AfterEach
  void close() {
    pipeline.close(CLOSE);
  }

  @Test
  void eventStream_isCountedWithTheStreamsAndNotWithTheRequests() {
    ConnectionState connection = open();
    Exchange ticks = begin(connection, "/ticks?x=1");
    ticks.route("/ticks");
    ticks.contentType("Text/Event-Stream; charset=utf-8");
    ticks.committed(200, start + 2 * MILLI);
    StatsSnapshot.Streams whileOpen = stats.snapshot().streams();

    ticks.aborted(AbortKind.CLIENT_RESET, null, 100, start + 900 * MILLI);
    begin(open(), "/hello").completed(200, 5, start + MILLI);

    StatsSnapshot after = stats.snapshot();
    assertThat(whileOpen.open())
        .containsEntry(StreamKind.SSE, 1L)
        .containsEntry(StreamKind.WEBSOCKET, 0L);
    assertThat(after.streams().openCount()).isZero();
    assertThat(after.total().count()).isEqualTo(1);
    assertThat(requireNonNull(after.total().latency()).maxNanos()).isLessThan(2 * MILLI);
    Ended ended = only(after);
    assertThat(ended.kind()).isEqualTo(StreamKind.SSE);
    assertThat(ended.route()).isEqualTo("/ticks");
    assertThat(ended.disconnected()).isEqualTo(1);
    assertThat(ended.completed() + ended.failed()).isZero();
    assertThat(requireNonNull(ended.lifetime().latency()).maxNanos()).isEqualTo(900 * MILLI);
    assertThat(requireNonNull(ended.firstByte()).maxNanos()).isEqualTo(2 * MILLI);
  }

  @Test
  void eventStream_isForgottenByTheNextRequestOfItsConnection() {
    ConnectionState connection = open();
    Exchange ticks = begin(connection, "/ticks");
    ticks.contentType("text/event-stream");
    ticks.completed(200, 0, start + MILLI);
    ticks.release();

    Exchange next = begin(connection, "/hello");
    next.contentType("text/event-stream-not");
    next.completed(200, 5, start + 3 * MILLI);

    assertThat(next).isSameAs(ticks);
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
    assertThat(only(stats.snapshot()).completed()).isEqualTo(1);
  }

  @Test
  void webSocket_isARequestUntilItsUpgradeAndThenAStreamUntilItsConnectionCloses() {
    ConnectionState connection = open();
    begin(connection, "/ws").upgraded(Protocol.WEBSOCKET, 101, start + 3 * MILLI);
    StatsSnapshot whileOpen = stats.snapshot();

    connection.closed(Initiator.REMOTE, new IOException("reset"), start + 5_003 * MILLI);

    StatsSnapshot after = stats.snapshot();
    assertThat(whileOpen.streams().open()).containsEntry(StreamKind.WEBSOCKET, 1L);
    assertThat(whileOpen.streams().ended()).isEmpty();
    assertThat(after.streams().openCount()).isZero();
    assertThat(requireNonNull(after.total().latency()).maxNanos()).isEqualTo(3 * MILLI);
    Ended ended = only(after);
    assertThat(ended.kind()).isEqualTo(StreamKind.WEBSOCKET);
    assertThat(ended.disconnected()).isEqualTo(1);
    assertThat(requireNonNull(ended.lifetime().latency()).maxNanos()).isEqualTo(5_000 * MILLI);
    assertThat(requireNonNull(ended.firstByte()).maxNanos()).isEqualTo(3 * MILLI);
    assertThat(lastRequest().stream()).isEqualTo(StreamKind.WEBSOCKET);
  }

  @Test
  void webSocket_endsAsItsConnectionDid() {
    upgraded().closed(Initiator.REMOTE, null, clock.nanoTime());
    ConnectionState idle = upgraded();
    idle.hint(CloseHint.KEEP_ALIVE_TIMEOUT);
    idle.closed(Initiator.LOCAL, null, clock.nanoTime());

    Ended ended = only(stats.snapshot());
    assertThat(ended.completed()).isEqualTo(1);
    assertThat(ended.failed()).isEqualTo(1);
    assertThat(ended.lifetime().errors()).isEqualTo(1);
  }

  @Test
  void webSocket_ofWhichTheAdapterDoesNotSeeTheEndHasNoLifetime() {
    ListenerScope blind = new ListenerScope("blind", EnumSet.noneOf(Capability.class), pipeline);
    pipeline.watch(blind);
    ConnectionState connection = open(blind);
    begin(connection, "/ws").upgraded(Protocol.WEBSOCKET, 101, start + 3 * MILLI);
    assertThat(stats.snapshot().streams().openCount()).isZero();

    connection.closed(Initiator.LOCAL, null, start + 60_000 * MILLI);

    assertThat(stats.snapshot().streams().ended()).isEmpty();
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
    assertThat(lastRequest().stream()).isEqualTo(StreamKind.WEBSOCKET);
  }

  @Test
  void stream_whoseRouteIsExcludedIsNotOpen() {
    Exchange ticks = begin(open(), "/ticks");
    ticks.route("/quiet/{ticks}");
    ticks.contentType("text/event-stream");
    Exchange socket = begin(open(), "/ws");
    socket.route("/quiet/{ws}");
    socket.upgraded(Protocol.WEBSOCKET, 101, start + MILLI);

    assertThat(stats.snapshot().streams().openCount()).isZero();
  }

  @Test
  void webSocket_thatIsExcludedIsNotCounted() {
    ConnectionState connection = open();
    begin(connection, "/quiet").upgraded(Protocol.WEBSOCKET, 101, start + MILLI);
    assertThat(stats.snapshot().streams().openCount()).isZero();

    connection.closed(Initiator.REMOTE, null, start + 2 * MILLI);

    assertThat(stats.snapshot().streams().ended()).isEmpty();
  }

  @Test
  void longPoll_isKnownByTheRuleForItsPathHoweverShortItIs() {
    Exchange poll = begin(open(), "/poll/news?since=1");
    StatsSnapshot whileOpen = stats.snapshot();

    poll.completed(200, 5, start + MILLI);

    assertThat(whileOpen.streams().open()).containsEntry(StreamKind.LONG_POLL, 1L);
    assertThat(only(stats.snapshot()).kind()).isEqualTo(StreamKind.LONG_POLL);
    assertThat(stats.snapshot().total().count()).isZero();
    assertThat(lastRequest().stream()).isEqualTo(StreamKind.LONG_POLL);
  }

  @Test
  void longPoll_isKnownWithParametersInItsPath() {
    begin(open(), "/poll;jsessionid=1?x=2").completed(200, 5, start + MILLI);
    begin(open(), "/held;jsessionid=1?x=2").completed(200, 5, start + MILLI);
    begin(open(), "/held/not;jsessionid=1").completed(200, 5, start + MILLI);

    assertThat(stats.snapshot().streams().ended())
        .extracting(Ended::route)
        .containsExactlyInAnyOrder("/poll", "/held");
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
  }

  @Test
  void slowRequest_isNoStream() {
    begin(open(), "/report").completed(200, 5, start + 3_600_000 * MILLI);

    assertThat(stats.snapshot().streams().ended()).isEmpty();
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
  }

  @Test
  void slowClient_countsAgainstTheWholeAndNotAgainstTheApplication() {
    for (int i = 0; i < 98; i++) {
      begin(open(), "/report").completed(200, 5, start + 10 * MILLI);
    }
    for (int i = 0; i < 2; i++) {
      ConnectionState connection = open();
      Exchange slow = begin(connection, "/report");
      connection.writeBlocked(start + 10 * MILLI);
      connection.writeBlocked(start + 20 * MILLI);
      connection.writeResumed(start + 4_000 * MILLI);
      connection.writeResumed(start + 4_500 * MILLI);
      slow.completed(200, 1 << 20, start + 4_010 * MILLI);
    }

    StatsSnapshot snapshot = stats.snapshot(Duration.ofMinutes(1));
    for (GroupSnapshot group : List.of(snapshot.routes().get(0), snapshot.total())) {
      Latency application = requireNonNull(group.application());
      assertThat(requireNonNull(group.latency()).p99Nanos()).isGreaterThan(4_000 * MILLI);
      assertThat(application.p99Nanos()).isCloseTo(20 * MILLI, Percentage.withPercentage(1));
      assertThat(application.maxNanos()).isCloseTo(20 * MILLI, Percentage.withPercentage(1));
      assertThat(application.p50Nanos()).isCloseTo(10 * MILLI, Percentage.withPercentage(1));
    }
    RequestEvent last = lastRequest();
    assertThat(last.blockedNanos()).isEqualTo(3_990 * MILLI);
    assertThat(last.applicationNanos()).isEqualTo(20 * MILLI);
  }

  @Test
  void slowClient_thatLeavesHadTheApplicationWaitUpToThen() {
    ConnectionState connection = open();
    begin(connection, "/report").committed(200, start + MILLI);
    connection.writeBlocked(start + 2 * MILLI);

    connection.closed(Initiator.REMOTE, new IOException("reset"), start + 100 * MILLI);

    assertThat(lastRequest().blockedNanos()).isEqualTo(98 * MILLI);
    assertThat(lastRequest().timeToFirstByteNanos()).isEqualTo(MILLI);
  }

  @Test
  void blocked_isOfTheRequestThatWaited() {
    ConnectionState connection = open();
    Exchange slow = begin(connection, "/slow");
    connection.writeBlocked(start + MILLI);
    connection.writeResumed(start + 5 * MILLI);
    slow.completed(200, 0, start + 6 * MILLI);
    slow.release();

    connection
        .begin(0, 0, "GET", "/next", "HTTP/1.1", start + 7 * MILLI)
        .completed(200, 0, start + 8 * MILLI);

    assertThat(lastRequest().blockedNanos()).isZero();
    assertThat(lastRequest().applicationNanos()).isEqualTo(MILLI);
  }

  @Test
  void blocked_isUnknownWhereTheServerDoesNotLetItBeKnown() {
    ListenerScope blind = new ListenerScope("blind", EnumSet.noneOf(Capability.class), pipeline);
    begin(open(blind), "/a").completed(200, 0, start + 50 * MILLI);
    open().begin(0, 1, "GET", "/b", "HTTP/2", start).completed(200, 0, start + 50 * MILLI);
    begin(open(), "/c").completed(200, 0, start + MILLI);

    StatsSnapshot snapshot = stats.snapshot();
    assertThat(snapshot.routes())
        .allSatisfy(
            route -> assertThat(route.application() != null).isEqualTo(route.name().equals("/c")));
    assertThat(requireNonNull(snapshot.total().latency()).maxNanos()).isEqualTo(50 * MILLI);
    assertThat(requireNonNull(snapshot.total().application()).maxNanos())
        .isCloseTo(MILLI, Percentage.withPercentage(1));
    pipeline.close(CLOSE);
    assertThat(requests())
        .filteredOn(request -> request.applicationNanos() >= 0)
        .extracting(RequestEvent::path)
        .containsExactly("/c");
  }

  @Test
  void blocked_thatIsUnknownOfAllRoutesIsUnknownOfTheTotal() {
    ListenerScope blind = new ListenerScope("blind", EnumSet.noneOf(Capability.class), pipeline);
    begin(open(blind), "/a").completed(200, 0, start + 50 * MILLI);
    begin(open(blind), "/b").completed(200, 0, start + MILLI);

    StatsSnapshot snapshot = stats.snapshot();
    assertThat(snapshot.total().count()).isEqualTo(2);
    assertThat(snapshot.total().application()).isNull();
    assertThat(snapshot.routes()).extracting(GroupSnapshot::application).containsOnlyNulls();
  }

  @Test
  void blocked_thatIsUnknownLeavesThoseOfWhichItIsKnown() {
    begin(open(), "/mixed").completed(200, 0, start + MILLI);
    open().begin(0, 1, "GET", "/mixed", "HTTP/2", start).completed(200, 0, start + 50 * MILLI);

    GroupSnapshot mixed = stats.snapshot().routes().get(0);
    assertThat(requireNonNull(mixed.latency()).maxNanos()).isEqualTo(50 * MILLI);
    assertThat(requireNonNull(mixed.application()).maxNanos())
        .isCloseTo(MILLI, Percentage.withPercentage(1));
    assertThat(stats.snapshot().total().count()).isEqualTo(2);
  }

  @Test
  void blocked_keepsMicrosecondsOfTwoHours() {
    long blocked = 7_200_000 * MILLI;
    ConnectionState connection = open();
    Exchange slow = begin(connection, "/slow");
    connection.writeBlocked(start);
    connection.writeResumed(start + blocked + 999);
    slow.completed(200, 0, start + blocked + 5 * MILLI);

    assertThat(lastRequest().blockedNanos()).isCloseTo(blocked, within(1_000L));
    assertThat(lastRequest().status()).isEqualTo(200);
  }

  private ConnectionState upgraded() {
    ConnectionState connection = open();
    begin(connection, "/ws").upgraded(Protocol.WEBSOCKET, 101, clock.nanoTime());
    return connection;
  }

  private ConnectionState open() {
    return open(listener);
  }

  private ConnectionState open(ListenerScope scope) {
    return scope.opened(0, null, null, Protocol.H1, false, start);
  }

  private Exchange begin(ConnectionState connection, String target) {
    return connection.begin(0, 0, "GET", target, "HTTP/1.1", start);
  }

  private static Ended only(StatsSnapshot snapshot) {
    assertThat(snapshot.streams().ended()).hasSize(1);
    return snapshot.streams().ended().get(0);
  }

  private RequestEvent lastRequest() {
    pipeline.close(CLOSE);
    List<RequestEvent> all = requests();
    return all.get(all.size() - 1);
  }

  private List<RequestEvent> requests() {
    return sink.elements().stream()
        .filter(RequestEvent.class::isInstance)
        .map(RequestEvent.class::cast)
        .toList();
  }
}
