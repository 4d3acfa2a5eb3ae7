// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sonde.capture.Capability;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.testkit.net.Http2Client;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.testkit.net.TlsMaterial;
import dev.sonde.testkit.net.WebSocketClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;

/** A server per test, clients that are closed after it, and the checks that follow every test. */
abstract class ContractHarness {
  /** Within this time an event that must come has come, on a busy machine, too. */
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private static final Duration POLL = Duration.ofMillis(2);

  final RecordingCollector collector = new RecordingCollector();
  final ContractApplication application = new ContractApplication();
  private final List<AutoCloseable> clients = new ArrayList<>();
  private @Nullable RunningServer running;
  private Map<Integer, Boolean> tlsByPort = Map.of();

  /** The server under test. */
  protected abstract ServerFixture fixture();

  @AfterEach
  final void leaveNothingBehind() throws Exception {
    for (AutoCloseable client : clients) {
      client.close();
    }
    RunningServer started = running;
    if (started == null) {
      application.close();
      return;
    }
    try {
      application.close();
      // Before the stop: a connection whose state leaks would be swept up by it.
      awaitNoConnections(started);
    } finally {
      started.close();
    }
    patiently("no connection state after the stop")
        .untilAsserted(() -> assertThat(started.openConnectionStates()).isZero());
    assertThat(invariants().violations(collector.events())).isEmpty();
  }

  final RunningServer start() throws Exception {
    return start(ServerOptions.defaults());
  }

  final RunningServer start(ServerOptions options) throws Exception {
    RunningServer started = fixture().start(application, collector, options);
    running = started;
    // A stopped server need not know its ports any more.
    tlsByPort = Map.of(started.port(), false, started.tlsPort(), true);
    return started;
  }

  /** The ports of the server that {@link #start()} started, and whether with TLS. */
  final Map<Integer, Boolean> tlsByPort() {
    return tlsByPort;
  }

  /** Connections that were turned away at the door, as far as the adapter told. */
  final long rejectedConnections() {
    RunningServer started = running;
    return started == null ? 0 : started.rejectedConnections();
  }

  final RunningServer running() {
    return Objects.requireNonNull(running, "not started");
  }

  final RawHttpClient connect() throws IOException {
    return keep(RawHttpClient.connect(running().port()));
  }

  final RawHttpClient connectTls() throws IOException {
    return keep(
        RawHttpClient.connectTls(running().tlsPort(), TlsMaterial.shared().clientContext()));
  }

  final Http2Client connectH2() throws IOException {
    return keep(Http2Client.connect(running().port()));
  }

  final Http2Client connectH2Tls() throws IOException {
    return keep(Http2Client.connectTls(running().tlsPort(), TlsMaterial.shared().clientContext()));
  }

  final WebSocketClient connectWebSocket() throws IOException {
    return keep(WebSocketClient.connect(running().port(), ContractRoute.WEBSOCKET.template()));
  }

  final <C extends AutoCloseable> C keep(C client) {
    clients.add(client);
    return client;
  }

  final void needs(Capability capability) {
    assumeTrue(
        fixture().capabilities().contains(capability),
        () -> "the adapter does not declare " + capability);
  }

  final void needsNot(Deviation deviation) {
    assumeFalse(differs(deviation), () -> deviation + ": " + fixture().deviations().get(deviation));
  }

  final boolean differs(Deviation deviation) {
    return fixture().deviations().containsKey(deviation);
  }

  /** Waits until the connection from a client's port is closed, and returns its events. */
  final ConnectionTrace awaitClosed(int clientPort) {
    return awaitTrace("closed", clientPort, ConnectionTrace::isClosed);
  }

  final ConnectionTrace awaitTrace(
      String what, int clientPort, Predicate<ConnectionTrace> condition) {
    patiently("connection from port " + clientPort + " " + what)
        .until(
            () -> {
              ConnectionTrace trace = collector.connectionFrom(clientPort);
              return trace != null && condition.test(trace);
            });
    return Objects.requireNonNull(collector.connectionFrom(clientPort));
  }

  /** Waits for the only connection of the test to be closed. */
  final ConnectionTrace awaitOnlyClosed() {
    awaitEvents(ConnectionClosed.class, 1);
    List<ConnectionTrace> connections = collector.connections();
    assertThat(connections).hasSize(1);
    return connections.get(0);
  }

  final void awaitEvents(Class<? extends LifecycleEvent> type, int count) {
    patiently(count + " " + type.getSimpleName())
        .untilAsserted(
            () ->
                assertThat(collector.events().stream().filter(type::isInstance))
                    .as(() -> shapes(collector.connections()))
                    .hasSizeGreaterThanOrEqualTo(count));
  }

  static ConditionFactory patiently(String what) {
    return await(what).atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(POLL);
  }

  static void assertShape(ConnectionTrace trace, String... allowed) {
    assertThat(trace.shape()).isIn((Object[]) allowed);
  }

  static String shapes(List<ConnectionTrace> traces) {
    return traces.stream().map(ConnectionTrace::shape).collect(Collectors.joining("; "));
  }

  static long bytes(ConnectionTrace trace) {
    return trace.only(ConnectionClosed.class).totalBytesSent();
  }

  static List<String> paths(ConnectionTrace trace) {
    return trace.all(RequestStarted.class).stream().map(RequestStarted::path).toList();
  }

  private void awaitNoConnections(RunningServer started) {
    patiently("every connection state released")
        .untilAsserted(
            () ->
                assertThat(started.openConnectionStates())
                    .as(() -> "open states; events: " + shapes(collector.connections()))
                    .isZero());
    patiently("every connection closed")
        .untilAsserted(
            () -> {
              List<LifecycleEvent> events = collector.events();
              assertThat(events.stream().filter(ConnectionClosed.class::isInstance).count())
                  .as(() -> "closed; events: " + shapes(collector.connections()))
                  .isEqualTo(events.stream().filter(ConnectionOpened.class::isInstance).count());
            });
  }

  private LifecycleInvariants invariants() {
    return new LifecycleInvariants(
        tlsByPort,
        new LifecycleInvariants.Routes() {
          @Override
          public @Nullable String templateOf(String path) {
            return expectedRoute(path);
          }

          @Override
          public boolean isUnrouted(int status) {
            return differs(Deviation.REFUSED_UNROUTED) && (status == 400 || status == 501);
          }
        });
  }

  private @Nullable String expectedRoute(String path) {
    ContractRoute route = ContractRoute.of(path);
    boolean isSeen = fixture().capabilities().contains(Capability.ROUTE);
    // An upgrade is answered by the server's WebSocket code, which need not know of routes.
    boolean isAny = route == null || route == ContractRoute.WEBSOCKET || !isSeen;
    return isAny ? null : fixture().template(Objects.requireNonNull(route));
  }
}
