// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sonde.capture.Capability;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.testkit.witness.PacketCapture;
import dev.sonde.testkit.witness.WireConnection;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One capture of a real server's traffic, told honestly and in several other ways. */
final class WireComparisonTest {
  private static List<WireConnection> wire = List.of();
  private static List<ConnectionTrace> told = List.of();
  private static Map<Integer, Boolean> ports = Map.of();
  private static final ContractApplication APPLICATION = new ContractApplication();

  @BeforeAll
  static void capture() throws Exception {
    boolean isRequired = "true".equals(System.getenv("CI"));
    assumeTrue(isRequired || PacketCapture.isAvailable(), "tshark is missing or may not capture");
    RecordingCollector collector = new RecordingCollector();
    try (PacketCapture capture = PacketCapture.start();
        RunningServer server =
            new ReferenceFixture().start(APPLICATION, collector, ServerOptions.defaults())) {
      ports = Map.of(server.port(), false, server.tlsPort(), true);
      talk(server.port());
      ContractHarness.patiently("two connections closed").until(() -> closed(collector) == 2);
      told = collector.connections();
      wire = capture.connections(Set.of(server.port()), Set.of(server.tlsPort()));
    }
  }

  @AfterAll
  static void close() {
    APPLICATION.close();
  }

  @Test
  void compare_findsNothingInTheTruth() {
    WireComparison comparison = compare(told);

    assertThat(comparison.differences()).isEmpty();
    assertThat(comparison.summary())
        .isEqualTo("connections 2, requests 3, body bytes 5013, ends 1; differences 0");
  }

  @Test
  void compare_findsAConnectionThatWasNotTold() {
    assertThat(compare(told.subList(1, 2)).differences())
        .singleElement()
        .asString()
        .contains("but not of: [WireConnection[");
  }

  @Test
  void compare_findsAConnectionThatWasMadeUp() {
    List<ConnectionTrace> more = new ArrayList<>(told);
    more.add(told.get(0));

    assertThat(compare(more).differences()).singleElement().asString().contains("not on the wire");
  }

  @Test
  void compare_findsARequestThatWasNotTold() {
    assertThat(compare(rewritten(e -> isHello(e) ? null : e)).differences())
        .anyMatch(line -> line.contains("requests: wire 2, told 1"))
        .anyMatch(line -> line.contains("body bytes: wire 5013, told 5000"));
  }

  @Test
  void compare_findsAResponseThatWasNotTold() {
    UnaryOperator<@Nullable LifecycleEvent> withoutEnd =
        e -> isHello(e) && e instanceof ResponseCompleted ? null : e;

    assertThat(compare(rewritten(withoutEnd)).differences())
        .singleElement()
        .asString()
        .endsWith("requests told without an end: 1");
  }

  @Test
  void compare_findsAByteTooMany() {
    UnaryOperator<@Nullable LifecycleEvent> oneMore =
        e -> isHello(e) && e instanceof ResponseCompleted end ? response(end, 200, 14) : e;

    assertThat(compare(rewritten(oneMore)).differences())
        .singleElement()
        .asString()
        .endsWith("body bytes: wire 5013, told 5014");
  }

  @Test
  void compare_findsAnotherStatus() {
    UnaryOperator<@Nullable LifecycleEvent> notFound =
        e -> isHello(e) && e instanceof ResponseCompleted end ? response(end, 404, 13) : e;

    assertThat(compare(rewritten(notFound)).differences())
        .singleElement()
        .asString()
        .endsWith("statuses: wire [200, 200], told [200, 404]");
  }

  @Test
  void compare_findsWhoReallyEndedAConnection() {
    UnaryOperator<@Nullable LifecycleEvent> timedOut =
        e ->
            e instanceof ConnectionClosed end && end.reason() == CloseReason.CLIENT_DISCONNECT
                ? new ConnectionClosed(
                    end.connectionId(),
                    end.workerId(),
                    end.requestsServed(),
                    end.totalBytesSent(),
                    end.durationNanos(),
                    CloseReason.TIMEOUT,
                    null,
                    end.timestampNanos())
                : e;

    assertThat(compare(rewritten(timedOut)).differences())
        .singleElement()
        .asString()
        .endsWith("ended by: wire CLIENT, told SERVER");
  }

  private static WireComparison compare(List<ConnectionTrace> traces) {
    WireComparison comparison =
        new WireComparison(EnumSet.of(Capability.ACCEPT, Capability.BYTELESS), Set.of(), wire);
    comparison.compare(
        new WireComparison.Scenario(
            "talk", Instant.MIN, Instant.MAX, ports, true, false, traces, 0));
    return comparison;
  }

  /** What was told, with some events left out (null) or changed. */
  private static List<ConnectionTrace> rewritten(UnaryOperator<@Nullable LifecycleEvent> lie) {
    List<ConnectionTrace> traces = new ArrayList<>();
    for (ConnectionTrace trace : told) {
      List<LifecycleEvent> events = new ArrayList<>();
      for (LifecycleEvent event : trace.events()) {
        LifecycleEvent changed = lie.apply(event);
        if (changed != null) {
          events.add(changed);
        }
      }
      traces.add(new ConnectionTrace(events));
    }
    return traces;
  }

  private static boolean isHello(@Nullable LifecycleEvent event) {
    return (event instanceof RequestStarted start && start.path().equals("/hello"))
        || (event instanceof ResponseCompleted end && "/hello".equals(end.route()));
  }

  private static ResponseCompleted response(ResponseCompleted end, int status, long bytes) {
    return new ResponseCompleted(
        end.connectionId(),
        end.workerId(),
        end.requestId(),
        end.streamId(),
        status,
        bytes,
        end.durationNanos(),
        end.timestampNanos(),
        end.timeToFirstByteNanos(),
        end.route());
  }

  private static void talk(int port) throws IOException {
    try (RawHttpClient client = RawHttpClient.connect(port)) {
      client.get("/hello");
      client.get("/stream?chunks=5&size=1000");
    }
    RawHttpClient rude = RawHttpClient.connect(port);
    rude.send(RawHttpClient.request("GET", "/stream?chunks=100000&size=1000"));
    rude.readHead();
    rude.reset();
  }

  private static long closed(RecordingCollector collector) {
    return collector.events().stream().filter(ConnectionClosed.class::isInstance).count();
  }
}
