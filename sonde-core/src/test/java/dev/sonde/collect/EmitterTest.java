// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.testing.RecordingSink;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

final class EmitterTest {
  private final RecordingSink<ProfileEvent> sink = new RecordingSink<>();
  private final AsyncCollector<ProfileEvent> collector =
      AsyncCollector.<ProfileEvent>builder(sink).start();
  private final Emitter emitter = Emitter.to(collector, false);

  @Test
  void reports_belongToTheCurrentSpan() {
    Span span = Span.root().child();
    try (TraceContext.Scope scope = TraceContext.use(span)) {
      emitter.request(
          "GET", "/r", "/r", 500, Outcome.COMPLETED, 9, 1, 2, new IllegalStateException("secret"));
      emitter.function("f", 5, new CancellationException());
      emitter.database("h2", "db", "SELECT", "t", "SELECT ?", 7, 3, 4, 1_234, true, "42000", 2);
    }
    collector.close();

    RequestEvent request = (RequestEvent) sink.elements().get(0);
    FunctionEvent function = (FunctionEvent) sink.elements().get(1);
    DatabaseEvent statement = (DatabaseEvent) sink.elements().get(2);
    assertThat(request.spanId()).isEqualTo(span.spanId());
    assertThat(request.parentSpanId()).isEqualTo(span.parentSpanId());
    assertThat(String.valueOf(request.error()))
        .contains("IllegalStateException")
        .contains("EmitterTest")
        .doesNotContain("secret");
    assertThat(function.parentSpanId()).isEqualTo(span.spanId());
    assertThat(function.isError()).isFalse();
    assertThat(statement.parentSpanId()).isEqualTo(span.spanId());
    assertThat(statement.rows()).isEqualTo(3);
    assertThat(statement.durationNanos()).isEqualTo(4);
    assertThat(statement.timestampNanos()).isEqualTo(1_234);
    assertThat(statement.batchSize()).isEqualTo(2);
    assertThat(sink.elements())
        .allMatch(event -> event.traceIdLow() == span.traceIdLow() && event.weight() == 1);
  }

  @Test
  void reports_areTracesOfTheirOwnOutsideOfAnySpan() {
    emitter.request("GET", null, "/", 200, Outcome.COMPLETED, 9, 1, 2, null);
    emitter.function("f", 5, null);
    collector.close();

    assertThat(sink.elements()).extracting(ProfileEvent::parentSpanId).containsOnly(0L);
    assertThat(sink.elements()).extracting(ProfileEvent::traceIdLow).doesNotHaveDuplicates();
  }

  @Test
  void reports_areCountedAndThrowNothingWhenTheyCannotBeMade() {
    MonotonicClock broken =
        () -> {
          throw new IllegalStateException("clock");
        };
    Emitter failing = new CollectorEmitter(collector, false, broken);
    failing.request("GET", null, "/", 200, Outcome.COMPLETED, 1, 0, 0, null);
    failing.function("f", 1, null);
    failing.function(Span.root(), "f", 1, 2, null);
    failing.database("h2", null, "SELECT", null, null, 0, 1, 1, 2, false, null, 1);
    collector.close();

    assertThat(failing.failures()).isEqualTo(2);
    assertThat(sink.elements()).hasSize(2);
  }

  @Test
  void reports_leaveOutAnExcludedSpanOnAnyThread() {
    Span excluded = Span.root().suppressed();
    try (TraceContext.Scope scope = TraceContext.use(excluded.child())) {
      assertThat(emitter.isEnabled()).isFalse();
      emitter.function("within", 5, null);
    }
    emitter.function(excluded, "later", 5, 6, null);
    collector.close();

    assertThat(sink.elements()).isEmpty();
    assertThat(emitter.failures()).isZero();
  }

  @Test
  void reports_areLeftOutOfTheObserversOwnWork() {
    try (TraceContext.Scope scope = TraceContext.suppress()) {
      assertThat(emitter.isEnabled()).isFalse();
      emitter.function("own", 5, null);
    }
    collector.close();

    assertThat(sink.elements()).isEmpty();
  }
}
