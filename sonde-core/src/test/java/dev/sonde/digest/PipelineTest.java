// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.LeftClose;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.recent.RecentRequest;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsStore;
import dev.sonde.testing.RecordingSink;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class PipelineTest {
  private static final Duration CLOSE = Duration.ofSeconds(10);

  private final MonotonicClock clock = MonotonicClock.system();
  private final StatsStore stats = new StatsStore(StatsConfig.defaults(), clock);
  private final ErrorRing errors = new ErrorRing(clock);
  private final RecordingSink<Event> sink = new RecordingSink<>();
  private Pipeline pipeline = start(SamplingPolicy.keepAll(), Duration.ofMinutes(1), false);

  @AfterEach
  void close() {
    pipeline.close(CLOSE);
  }

  @Test
  void requestEnded_becomesThreeEventsInOrderOfTheConnection() {
    ConnectionState connection = open();
    long start = clock.nanoTime();
    Exchange exchange = connection.begin(3, 0, "GET", "/users/7", "HTTP/1.1", start);
    exchange.route("/users/{id}");
    exchange.committed(200, start + 10);
    exchange.bytesIn(5);
    Span span = exchange.span();
    exchange.completed(200, 42, start + 30);
    connection.closed(Initiator.REMOTE, null, clock.nanoTime());
    pipeline.close(CLOSE);

    List<Event> events = sink.elements();
    assertThat(events).hasSize(5);
    ConnectionOpened opened = (ConnectionOpened) events.get(0);
    assertThat(opened.clientAddress()).isEqualTo("10.1.2.3");
    assertThat(opened.clientPort()).isEqualTo(40_000);
    assertThat(opened.tls()).isTrue();
    assertThat(events.get(1))
        .isEqualTo(
            new RequestStarted(
                connection.id(), 3, exchange.id(), 0, "GET", "/users/7", "HTTP/1.1", start));
    assertThat(events.get(2))
        .isEqualTo(
            new ResponseCompleted(
                connection.id(), 3, exchange.id(), 0, 200, 42, 30, start + 30, 10, "/users/{id}"));
    RequestEvent request = (RequestEvent) events.get(3);
    assertThat(request.spanId()).isEqualTo(span.spanId());
    assertThat(request.traceIdHigh()).isEqualTo(span.traceIdHigh());
    assertThat(request.parentSpanId()).isZero();
    assertThat(request.durationNanos()).isEqualTo(30);
    assertThat(request.bytesIn()).isEqualTo(5);
    assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
    ConnectionClosed closed = (ConnectionClosed) events.get(4);
    assertThat(closed.reason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(closed.requestsServed()).isEqualTo(1);
    assertThat(closed.totalBytesSent()).isEqualTo(42);
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
    assertLaw(3, 5);
  }

  @Test
  void requestEnded_isClientDisconnectedWhenTheClientLeft() {
    ConnectionState connection = open();
    Exchange exchange = connection.begin(0, 0, "GET", "/", "HTTP/1.1", clock.nanoTime());
    exchange.committed(200, clock.nanoTime());
    exchange.aborted(AbortKind.READ_EOF, null, 300, clock.nanoTime());
    connection.closed(Initiator.REMOTE, null, clock.nanoTime());
    pipeline.close(CLOSE);

    assertThat(sink.elements())
        .extracting(Event::type)
        .containsExactly(
            "ConnectionOpened", "RequestStarted", "ClientDisconnected", "REQ", "ConnectionClosed");
    ClientDisconnected left = (ClientDisconnected) sink.elements().get(2);
    assertThat(left.duringStreaming()).isTrue();
    assertThat(left.bytesSent()).isEqualTo(300);
    assertLaw(3, 5);
  }

  @Test
  void requestEnded_keepsTypeAndFramesOfTheErrorAndNotItsMessage() {
    Exchange exchange = open().begin(0, 0, "GET", "/", "HTTP/1.1", clock.nanoTime());
    exchange.failed(new IllegalStateException("secret", new ArithmeticException("secret")));
    exchange.completed(500, 0, clock.nanoTime());
    pipeline.close(CLOSE);

    RequestEvent request = (RequestEvent) sink.elements().get(3);
    assertThat(request.error()).isNotNull();
    assertThat(String.valueOf(request.error()))
        .contains("java.lang.IllegalStateException")
        .contains("PipelineTest.java")
        .contains("Caused by: java.lang.ArithmeticException")
        .doesNotContain("secret");
    assertThat(errors.snapshot().totalCount()).isEqualTo(1);
  }

  @Test
  void digest_losesOneRecordOnlyWhenAnExceptionHidesItsOwnText() {
    Exchange first = open().begin(0, 0, "GET", "/", "HTTP/1.1", clock.nanoTime());
    first.failed(new HostileException());
    first.completed(500, 0, clock.nanoTime());
    emit("/after");
    pipeline.close(CLOSE);

    assertThat(pipeline.counts().failed()).isZero();
    assertThat(sink.elements()).filteredOn(RequestEvent.class::isInstance).hasSize(2);
  }

  @Test
  void request_takesTheCurrentSpanAsItsOwnAndFunctionsAsItsChildren() {
    Span span = Span.root();
    Span call = span.child();
    try (TraceContext.Scope scope = TraceContext.use(span)) {
      try (TraceContext.Scope within = TraceContext.use(call)) {
        database("SELECT ?", false);
      }
      pipeline.function(call, "load", 500, clock.nanoTime(), null);
      pipeline.function("other", 10, new IllegalArgumentException());
      emit("/orders/17");
    }
    pipeline.close(CLOSE);

    assertThat(sink.elements()).extracting(Event::type).containsExactly("DB", "FN", "FN", "REQ");
    DatabaseEvent statement = (DatabaseEvent) sink.elements().get(0);
    FunctionEvent function = (FunctionEvent) sink.elements().get(1);
    RequestEvent request = (RequestEvent) sink.elements().get(3);
    assertThat(statement.parentSpanId()).isEqualTo(call.spanId());
    assertThat(function.parentSpanId()).isEqualTo(span.spanId());
    assertThat(request.spanId()).isEqualTo(span.spanId());
    RecentRequest recent = pipeline.recent().newest().get(0);
    assertThat(recent.request()).isEqualTo(request);
    assertThat(recent.statements()).containsExactly(statement);
    assertThat(recent.functions())
        .extracting(FunctionEvent::function)
        .containsExactly("load", "other");
    assertThat(pipeline.find(request.requestId())).isEqualTo(recent);
    assertThat(pipeline.recent().slowest()).hasSize(1);
    assertLaw(4, 4);
  }

  @Test
  void function_isATraceOfItsOwnOutsideOfAnySpan() {
    pipeline.function("job", 10, null);
    pipeline.close(CLOSE);

    FunctionEvent function = (FunctionEvent) sink.elements().get(0);
    assertThat(function.traceIdHigh()).isNotZero();
    assertThat(function.spanId()).isNotZero();
    assertThat(function.parentSpanId()).isZero();
  }

  @Test
  void function_tellsCancellationFromFailure() {
    pipeline.function("cancelled", 10, new CancellationException());
    pipeline.function("failed", 10, new IllegalStateException());
    pipeline.close(CLOSE);

    FunctionEvent cancelled = (FunctionEvent) sink.elements().get(0);
    FunctionEvent failed = (FunctionEvent) sink.elements().get(1);
    assertThat(cancelled.isError()).isFalse();
    assertThat(cancelled.exceptionType()).isEqualTo(CancellationException.class.getName());
    assertThat(failed.isError()).isTrue();
    assertThat(failed.exceptionType()).isEqualTo(IllegalStateException.class.getName());
    assertThat(stats.snapshot().functions()).hasSize(2);
  }

  @Test
  void database_isStampedWithItsEndAndNotWithItsReport() {
    long endNanos = clock.nanoTime() - 5_000_000;

    database("SELECT ?", endNanos, false);
    pipeline.close(CLOSE);

    assertThat(sink.elements()).extracting(Event::timestampNanos).containsExactly(endNanos);
  }

  @Test
  void emitter_leavesOutWhatTheObserverDoesItself() {
    try (TraceContext.Scope scope = TraceContext.suppress()) {
      assertThat(pipeline.isEnabled()).isFalse();
      emit("/");
      database("SELECT ?", false);
      pipeline.function("own", 1, null);
    }
    assertThat(pipeline.isEnabled()).isTrue();
    pipeline.close(CLOSE);

    assertThat(sink.elements()).isEmpty();
    assertThat(stats.snapshot().total().count()).isZero();
    assertLaw(0, 0);
  }

  @Test
  void excludedRequest_isCountedAndNowhereElse() {
    restart(SamplingPolicy.builder().exclude("/health").build(), Duration.ofMinutes(1), false);
    emit("/health/live");
    Exchange exchange = open().begin(0, 0, "GET", "/health", "HTTP/1.1", clock.nanoTime());
    exchange.completed(200, 1, clock.nanoTime());
    emit("/healthcare");
    pipeline.close(CLOSE);

    assertThat(pipeline.counts().excluded()).isEqualTo(2);
    assertThat(sink.elements()).extracting(Event::type).containsExactly("ConnectionOpened", "REQ");
    assertThat(stats.snapshot().total().count()).isEqualTo(1);
    assertThat(stats.snapshot().requestsInFlight()).isZero();
    assertThat(pipeline.recent().newest()).hasSize(1);
    assertLaw(3, 2);
  }

  @Test
  void excludedRequest_takesWhatHappensWithinItAlong() {
    restart(SamplingPolicy.builder().exclude("/health").build(), Duration.ofMinutes(1), false);
    ConnectionState connection = open();
    Exchange traced = connection.begin(0, 0, "GET", "/health", "HTTP/1.1", clock.nanoTime());
    traced.trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null);
    Exchange plain = connection.begin(0, 0, "GET", "/health", "HTTP/1.1", clock.nanoTime());
    for (Exchange exchange : List.of(traced, plain)) {
      Span call = exchange.span().child();
      try (TraceContext.Scope scope = TraceContext.use(exchange.span())) {
        assertThat(pipeline.isEnabled()).isFalse();
        database("SELECT ?", true);
        pipeline.function("check", 1, null);
      }
      pipeline.function(call, "later", 1, clock.nanoTime(), null);
      exchange.completed(200, 1, clock.nanoTime());
    }
    pipeline.close(CLOSE);

    assertThat(traced.span().traceparent())
        .startsWith("00-0af7651916cd43dd8448eb211c80319c-")
        .endsWith("-01");
    assertThat(stats.snapshot().functions()).isEmpty();
    assertThat(stats.snapshot().statements()).isEmpty();
    assertThat(errors.snapshot().totalCount()).isZero();
    assertThat(sink.elements()).extracting(Event::type).containsExactly("ConnectionOpened");
    assertThat(pipeline.counts().excluded()).isEqualTo(2);
    assertLaw(1, 1);
  }

  @Test
  void requestExcludedByItsRoute_leavesNothingWaiting() {
    SamplingPolicy policy =
        SamplingPolicy.builder().rate(0).exclude("exact:/health/{probe}").build();
    restart(policy, Duration.ofMinutes(1), false);
    Exchange exchange = open().begin(0, 0, "GET", "/health/1", "HTTP/1.1", clock.nanoTime());
    exchange.route("/health/{probe}");
    try (TraceContext.Scope scope = TraceContext.use(exchange.span())) {
      database("SELECT ?", true);
    }
    exchange.completed(200, 1, clock.nanoTime());
    try (TraceContext.Scope scope = TraceContext.use(Span.root())) {
      database("SELECT ?", true);
      pipeline.request(
          "GET", "/health/{probe}", "/health/2", 200, Outcome.COMPLETED, 1, 0, 0, null);
    }
    pipeline.close(CLOSE);

    // What had waited to the end would have been kept, being an error.
    assertThat(sink.elements()).extracting(Event::type).containsExactly("ConnectionOpened");
    assertThat(pipeline.counts().excluded()).isEqualTo(2);
    assertThat(pipeline.recent().newest()).isEmpty();
    assertLaw(5, 1);
  }

  @Test
  void openRequests_ofTheWatchedListenersAreInFlight() {
    ListenerScope listener = listener();
    pipeline.watch(listener);
    ConnectionState connection = open(listener);
    Exchange first = connection.begin(0, 1, "GET", "/a", "HTTP/2", clock.nanoTime());
    connection.begin(0, 3, "GET", "/b", "HTTP/2", clock.nanoTime());
    open(listener).begin(0, 0, "GET", "/c", "HTTP/1.1", clock.nanoTime());
    first.completed(200, 1, clock.nanoTime());

    assertThat(stats.snapshot().requestsInFlight()).isEqualTo(2);

    connection.closed(Initiator.REMOTE, null, clock.nanoTime());
    assertThat(stats.snapshot().requestsInFlight()).isEqualTo(1);
  }

  @Test
  void close_thatWasLeftOverIsToldWithoutAnythingElseHappening() {
    ListenerScope listener = listener();
    pipeline.watch(listener);
    ConnectionState connection = open(listener);
    connection.begin(0, 0, "GET", "/", "HTTP/1.1", clock.nanoTime()).completed(200, 1, 2);

    LeftClose.leave(connection);

    await().until(() -> sink.elements().stream().anyMatch(ConnectionClosed.class::isInstance));
    assertThat(listener.openConnections()).isEmpty();
  }

  @Test
  void openRequest_isNotAnnouncedWhenItsRouteIsExcluded() {
    SamplingPolicy policy = SamplingPolicy.builder().exclude("exact:/health/{probe}").build();
    restart(policy, Duration.ofMillis(1), false);
    ListenerScope listener = listener();
    ConnectionState connection = open(listener);
    Exchange hidden = connection.begin(0, 1, "GET", "/health/1", "HTTP/2", clock.nanoTime());
    hidden.route("/health/{probe}");
    Exchange shown = connection.begin(0, 3, "GET", "/slow", "HTTP/2", clock.nanoTime());
    pipeline.watch(listener);
    await().until(() -> sink.elements().size() >= 2);

    assertThat(sink.elements())
        .filteredOn(RequestStarted.class::isInstance)
        .extracting(event -> ((RequestStarted) event).requestId())
        .containsExactly(shown.id());
  }

  @Test
  void sampling_thinsEventsAndNeitherStatisticsNorViews() {
    restart(SamplingPolicy.builder().rate(0.25).build(), Duration.ofMinutes(1), false);
    int requests = 900;
    for (int i = 0; i < requests; i++) {
      Span span = Span.root();
      try (TraceContext.Scope scope = TraceContext.use(span)) {
        database("SELECT ?", false);
        emit("/" + i);
      }
    }
    pipeline.close(CLOSE);

    PipelineCounts counts = pipeline.counts();
    List<Event> kept = sink.elements();
    assertThat(stats.snapshot().total().count()).isEqualTo(requests);
    assertThat(pipeline.recent().newest()).hasSize(requests);
    assertThat(kept.size()).isBetween(2 * 150, 2 * 310);
    assertThat(counts.sampledOut()).isEqualTo(2L * requests - kept.size());
    assertThat(kept).filteredOn(RequestEvent.class::isInstance).hasSize(kept.size() / 2);
    assertThat(kept)
        .allMatch(event -> event instanceof RequestEvent r ? r.weight() == 4 : weight(event) == 4);
    assertLaw(2L * requests, kept.size());
  }

  @Test
  void sampling_keepsTheStatementsOfAFailedRequest() {
    restart(SamplingPolicy.builder().rate(0).build(), Duration.ofMinutes(1), false);
    Span span = Span.root();
    try (TraceContext.Scope scope = TraceContext.use(span)) {
      database("SELECT ?", false);
      pipeline.request("GET", "/r", "/r", 500, Outcome.COMPLETED, 1, 0, 0, null);
      database("late", false);
    }
    emit("/dropped");
    database("orphan", false);
    pipeline.close(CLOSE);

    assertThat(sink.elements()).extracting(Event::type).containsExactly("DB", "REQ", "DB");
    assertThat(pipeline.counts().sampledOut()).isEqualTo(2);
    assertLaw(5, 3);
  }

  @Test
  void sampling_settlesWhatWaitsForARequestThatNeverEnds() {
    restart(SamplingPolicy.builder().rate(0.5).build(), Duration.ofMinutes(1), false);
    try (TraceContext.Scope scope = TraceContext.use(Span.root())) {
      database("SELECT ?", true);
      database("SELECT ?", false);
    }
    await().until(() -> pipeline.counts().inQueue() == 2);
    pipeline.close(CLOSE);

    assertThat(pipeline.counts().digested()).isEqualTo(2);
    assertLaw(2, sink.elements().size());
  }

  @Test
  void openRequest_isAnnouncedOnceAfterTheFlushInterval() {
    restart(SamplingPolicy.keepAll(), Duration.ofMillis(1), false);
    ListenerScope listener = listener();
    pipeline.watch(listener);
    ConnectionState connection = open(listener);
    Exchange exchange = connection.begin(0, 0, "GET", "/slow", "HTTP/1.1", clock.nanoTime());
    await().until(() -> sink.elements().size() == 2);
    assertThat(sink.elements().get(1)).isInstanceOf(RequestStarted.class);

    exchange.completed(200, 0, clock.nanoTime());
    connection.closed(Initiator.LOCAL, null, clock.nanoTime());
    pipeline.close(CLOSE);

    assertThat(sink.elements())
        .extracting(Event::type)
        .containsExactly(
            "ConnectionOpened", "RequestStarted", "ResponseCompleted", "REQ", "ConnectionClosed");
    assertLaw(3, 5);
  }

  @Test
  void clientAddress_isCutToItsNetworkWhenMasked() {
    restart(SamplingPolicy.keepAll(), Duration.ofMinutes(1), true);
    open();
    pipeline.close(CLOSE);

    assertThat(((ConnectionOpened) sink.elements().get(0)).clientAddress()).isEqualTo("10.1.2.0");
    assertThat(EventBuilder.masked("2001:db8:7:1:2:3:4:5")).isEqualTo("2001:db8:7::");
    assertThat(EventBuilder.masked("2001:db8::1")).isEqualTo("2001:db8::");
    assertThat(EventBuilder.masked("0:0:0:0:0:0:0:1")).isEqualTo("0:0:0::");
    assertThat(EventBuilder.masked("")).isEmpty();
  }

  @Test
  void longTexts_areCutBetweenCodePoints() {
    String path = "/" + "\uD83D\uDE00".repeat(1_000);
    pipeline.request("G".repeat(100), null, path, 200, Outcome.COMPLETED, 1, 0, 0, null);
    pipeline.close(CLOSE);

    RequestEvent request = (RequestEvent) sink.elements().get(0);
    assertThat(request.method()).hasSize(64);
    assertThat(request.path()).hasSize(511).doesNotEndWith("\uD83D");
  }

  @Test
  void addSink_tellsWhatWasPublishedBefore() {
    emit("/1");
    await().until(() -> pipeline.counts().published() == 1);
    RecordingSink<Event> late = new RecordingSink<>();
    pipeline.addSink(late, settings -> settings.name("late"));
    emit("/2");
    pipeline.close(CLOSE);

    SinkHealth health = pipeline.sinks().get(1);
    assertThat(late.elements()).hasSize(1);
    assertThat(health.publishedBefore()).isEqualTo(1);
    assertThat(health.publishedBefore() + health.enqueued())
        .isEqualTo(pipeline.counts().published());
    assertThat(late.closes()).isEqualTo(1);
  }

  @Test
  void request_isCountedAtEveryDepthOfTheStack() {
    long[] calls = new long[1];
    for (int i = 0; i < 20; i++) {
      assertThatThrownBy(() -> overflow(calls)).isInstanceOf(StackOverflowError.class);
    }
    emit("/after");
    pipeline.close(CLOSE);

    PipelineCounts counts = pipeline.counts();
    assertThat(calls[0]).isGreaterThan(10_000);
    assertThat(sink.elements()).extracting(Event::type).contains("REQ");
    assertThat(counts.inQueue()).isZero();
    assertThat(counts.offered())
        .isEqualTo(counts.droppedOldest() + counts.droppedClosed() + counts.digested());
    assertThat(((RequestEvent) sink.elements().get(sink.elements().size() - 1)).path())
        .isEqualTo("/after");
  }

  /** Reports at every depth on the way down to the end of the stack. */
  @SuppressWarnings("InfiniteRecursion") // until the stack is full
  private void overflow(long[] calls) {
    calls[0]++;
    emit("/deep");
    overflow(calls);
  }

  @Test
  @SuppressWarnings("NullAway") // as a caller without null checks could
  void request_thatCannotBeReportedHoldsNothingUp() {
    pipeline.request("GET", null, "/bad", 200, null, 1, 0, 0, null);
    emit("/good");
    await().until(() -> pipeline.counts().digested() == 1);

    assertThat(pipeline.failures()).isEqualTo(1);
    assertThat(pipeline.counts().offered()).isEqualTo(1);
    assertThat(pipeline.counts().inQueue()).isZero();
    pipeline.close(CLOSE);
    assertThat(sink.elements())
        .extracting(event -> ((RequestEvent) event).path())
        .containsExactly("/good");
  }

  @Test
  void request_hasNoStatusRatherThanAnotherOne() {
    for (int status : new int[] {-1, 4_296, 4_095, 200}) {
      pipeline.request("GET", null, "/", status, Outcome.COMPLETED, 1, 0, 0, null);
    }
    pipeline.close(CLOSE);

    assertThat(sink.elements())
        .extracting(event -> ((RequestEvent) event).status())
        .containsExactly(0, 0, 4_095, 200);
  }

  @Test
  void request_leavesTheInterruptFlagAlone() {
    Thread.currentThread().interrupt();
    emit("/");
    database("SELECT ?", false);
    assertThat(Thread.interrupted()).isTrue();
    pipeline.close(CLOSE);

    assertThat(sink.elements()).hasSize(2);
  }

  @Test
  void close_keepsTheInterruptFlagAndStillFinishes() {
    emit("/");
    Thread.currentThread().interrupt();
    pipeline.close(CLOSE);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(sink.elements()).hasSize(1);
    assertLaw(1, 1);
  }

  @Test
  void reportsAfterClose_areCountedAndGoNowhere() {
    pipeline.close(CLOSE);
    emit("/late");
    pipeline.close(CLOSE);

    assertThat(sink.elements()).isEmpty();
    assertThat(pipeline.counts().droppedClosed()).isEqualTo(1);
    assertLaw(1, 0);
  }

  @Test
  void bytesPerRecord_isToldOnceASampleAndASecondHaveBeen() {
    AtomicLong nanos = new AtomicLong(1);
    Pipeline slow =
        new Pipeline(
            new Pipeline.Config(2_048, Duration.ofMinutes(1), false, false),
            stats,
            errors,
            SamplingPolicy.keepAll(),
            nanos::get);
    assertThat(slow.bytesPerRecord()).isEqualTo(-1);

    await()
        .until(
            () -> {
              // A time that is a multiple of 1,024 has its record measured.
              nanos.set((nanos.get() + 1_000_000_000) & -1_024);
              slow.request("GET", null, "/", 200, Outcome.COMPLETED, 1_000, 1, 2, null);
              return slow.bytesPerRecord() >= 0;
            });

    assertThat(slow.nanosPerRecord()).isPositive();
    slow.close(CLOSE);
  }

  private void emit(String path) {
    pipeline.request("GET", null, path, 200, Outcome.COMPLETED, 1_000, 1, 2, null);
  }

  private void database(String query, boolean isError) {
    database(query, clock.nanoTime(), isError);
  }

  private void database(String query, long endNanos, boolean isError) {
    String code = isError ? "42000" : null;
    pipeline.database("h2", "shop", "SELECT", "t", query, 99, 1, 200, endNanos, isError, code, 1);
  }

  private static double weight(Event event) {
    return event instanceof DatabaseEvent statement ? statement.weight() : 0;
  }

  private ListenerScope listener() {
    return new ListenerScope("test", EnumSet.noneOf(Capability.class), pipeline);
  }

  private ConnectionState open() {
    return open(listener());
  }

  private ConnectionState open(ListenerScope listener) {
    return listener.opened(
        0,
        new InetSocketAddress("10.1.2.3", 40_000),
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080),
        Protocol.H1,
        true,
        clock.nanoTime());
  }

  private Pipeline start(SamplingPolicy policy, Duration announceAfter, boolean masks) {
    Pipeline.Config config = new Pipeline.Config(8_192, announceAfter, false, masks);
    Pipeline started = new Pipeline(config, stats, errors, policy, clock);
    started.addSink(sink, settings -> settings.name("test").flushInterval(Duration.ofMillis(5)));
    return started;
  }

  private void restart(SamplingPolicy policy, Duration announceAfter, boolean masks) {
    pipeline.close(CLOSE);
    pipeline = start(policy, announceAfter, masks);
  }

  private void assertLaw(long offered, long published) {
    PipelineCounts counts = pipeline.counts();
    SinkHealth health = pipeline.sinks().get(0);
    assertThat(counts.offered()).isEqualTo(offered);
    assertThat(counts.published()).isEqualTo(published);
    assertThat(counts.offered())
        .isEqualTo(
            counts.droppedOldest() + counts.droppedClosed() + counts.inQueue() + counts.digested());
    assertThat(counts.digested()).isEqualTo(counts.sampledOut() + counts.kept() + counts.failed());
    assertThat(health.enqueued()).isEqualTo(published);
    assertThat(health.processed()).isEqualTo(sink.elements().size());
    assertThat(pipeline.faults()).isEmpty();
  }

  private static final class HostileException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable String getMessage() {
      throw new IllegalStateException("no message");
    }

    @Override
    public StackTraceElement[] getStackTrace() {
      throw new IllegalStateException("no frames");
    }
  }
}
