// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

final class ServerContractTest {
  private static final String KEEP_ALIVE = "t01_keepAlive_servesTwoRequestsOnOneConnection";
  private static final String CLOSE = "t03_connectionClose_isComplete";
  private static final String RESET = "t05_rstMidStream_isAClientDisconnect";
  private static final String IDLE = "t08_idleAfterRequest_isATimeout";
  private static final String THROWS = "t15_handlerThrowsAfterCommit_isAnErrorAndNoDisconnect";
  private static final String LOAD = "t34_concurrency_agreesWithTheClientsOwnSums";

  @ParameterizedTest
  @MethodSource("scenarios")
  void contract_passesWithAnHonestAdapter(String scenario) {
    TestExecutionSummary summary = play(scenario, new ReferenceFixture());

    assertThat(summary.getTestsSucceededCount()).isEqualTo(1);
  }

  static List<String> scenarios() {
    return List.of(KEEP_ALIVE, CLOSE, RESET, IDLE, THROWS);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("lies")
  void contract_failsWithALyingAdapter(
      String lie, String scenario, UnaryOperator<LifecycleCollector> liar) {
    TestExecutionSummary summary = play(scenario, new ReferenceFixture(liar, 0));

    assertThat(summary.getTestsFailedCount()).as(lie).isEqualTo(1);
  }

  static Stream<Arguments> lies() {
    return Stream.of(
        lie("the close is told twice", KEEP_ALIVE, twice(ConnectionClosed.class)),
        lie("the response is told twice", KEEP_ALIVE, twice(ResponseCompleted.class)),
        lie("a request is told twice", KEEP_ALIVE, twice(RequestStarted.class)),
        lie("responses are not told", KEEP_ALIVE, without(ResponseCompleted.class)),
        lie("requests are not told", KEEP_ALIVE, without(RequestStarted.class)),
        lie("the disconnect is not told", RESET, without(ClientDisconnected.class)),
        lie("the disconnect is a response", RESET, ServerContractTest::disconnectIsResponse),
        lie("the response comes after the close", CLOSE, ServerContractTest::responseAfterClose),
        lie("a byte is missing", KEEP_ALIVE, ServerContractTest::oneByteLess),
        lie("the route is missing", KEEP_ALIVE, ServerContractTest::noRoute),
        lie("every close is complete", IDLE, ServerContractTest::allComplete),
        lie("every close is complete", THROWS, ServerContractTest::allComplete),
        lie("the server's port is the client's", KEEP_ALIVE, ServerContractTest::swappedPorts),
        lie("one response in 10,000 is lost", LOAD, ServerContractTest::oneInTenThousandLost));
  }

  @Test
  void contract_failsWithAnAdapterThatLeaks() {
    TestExecutionSummary summary = play(CLOSE, new ReferenceFixture(UnaryOperator.identity(), 1));

    assertThat(summary.getFailures())
        .singleElement()
        .satisfies(
            failure -> assertThat(failure.getException()).hasMessageContaining("open states"));
  }

  private static TestExecutionSummary play(String scenario, ServerFixture fixture) {
    LyingServerContract.LIAR.set(fixture);
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(selectMethod(LyingServerContract.class, scenario))
            .configurationParameter(ContractReport.SILENT, "true")
            .build();
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, listener);
    assertThat(listener.getSummary().getTestsFoundCount()).isEqualTo(1);
    return listener.getSummary();
  }

  private static Arguments lie(
      String name, String scenario, UnaryOperator<LifecycleCollector> liar) {
    return Arguments.of(name, scenario, liar);
  }

  private static UnaryOperator<LifecycleCollector> twice(Class<? extends LifecycleEvent> type) {
    return collector ->
        event -> {
          collector.record(event);
          if (type.isInstance(event)) {
            collector.record(event);
          }
        };
  }

  private static UnaryOperator<LifecycleCollector> without(Class<? extends LifecycleEvent> type) {
    return collector ->
        event -> {
          if (!type.isInstance(event)) {
            collector.record(event);
          }
        };
  }

  private static LifecycleCollector disconnectIsResponse(LifecycleCollector collector) {
    AtomicLong startNanos = new AtomicLong();
    return event -> {
      if (event instanceof RequestStarted started) {
        startNanos.set(started.timestampNanos());
      }
      if (event instanceof ClientDisconnected gone) {
        collector.record(
            new ResponseCompleted(
                gone.connectionId(),
                gone.workerId(),
                gone.requestId(),
                gone.streamId(),
                200,
                gone.bytesSent(),
                gone.timestampNanos() - startNanos.get(),
                gone.timestampNanos(),
                -1,
                ContractRoute.STREAM.template()));
      } else {
        collector.record(event);
      }
    };
  }

  private static LifecycleCollector responseAfterClose(LifecycleCollector collector) {
    AtomicLong held = new AtomicLong();
    LifecycleEvent[] response = new LifecycleEvent[1];
    return event -> {
      if (event instanceof ResponseCompleted && held.getAndIncrement() == 0) {
        response[0] = event;
        return;
      }
      collector.record(event);
      if (event instanceof ConnectionClosed && response[0] != null) {
        collector.record(response[0]);
      }
    };
  }

  private static LifecycleCollector oneByteLess(LifecycleCollector collector) {
    return event ->
        collector.record(
            event instanceof ResponseCompleted end
                ? new ResponseCompleted(
                    end.connectionId(),
                    end.workerId(),
                    end.requestId(),
                    end.streamId(),
                    end.status(),
                    end.bytesSent() - 1,
                    end.durationNanos(),
                    end.timestampNanos(),
                    end.timeToFirstByteNanos(),
                    end.route())
                : event);
  }

  private static LifecycleCollector noRoute(LifecycleCollector collector) {
    return event ->
        collector.record(
            event instanceof ResponseCompleted end
                ? new ResponseCompleted(
                    end.connectionId(),
                    end.workerId(),
                    end.requestId(),
                    end.streamId(),
                    end.status(),
                    end.bytesSent(),
                    end.durationNanos(),
                    end.timestampNanos(),
                    end.timeToFirstByteNanos(),
                    null)
                : event);
  }

  private static LifecycleCollector allComplete(LifecycleCollector collector) {
    return event ->
        collector.record(
            event instanceof ConnectionClosed closed
                ? new ConnectionClosed(
                    closed.connectionId(),
                    closed.workerId(),
                    closed.requestsServed(),
                    closed.totalBytesSent(),
                    closed.durationNanos(),
                    CloseReason.COMPLETE,
                    null,
                    closed.timestampNanos())
                : event);
  }

  private static LifecycleCollector swappedPorts(LifecycleCollector collector) {
    return event ->
        collector.record(
            event instanceof ConnectionOpened opened
                ? new ConnectionOpened(
                    opened.connectionId(),
                    opened.workerId(),
                    opened.clientAddress(),
                    opened.clientPort(),
                    opened.serverAddress(),
                    opened.clientPort(),
                    opened.protocol(),
                    opened.timestampNanos(),
                    opened.tls())
                : event);
  }

  private static LifecycleCollector oneInTenThousandLost(LifecycleCollector collector) {
    AtomicLong responses = new AtomicLong();
    return event -> {
      boolean isLost =
          event instanceof ResponseCompleted && responses.incrementAndGet() % 10_000 == 0;
      if (!isLost) {
        collector.record(event);
      }
    };
  }
}
