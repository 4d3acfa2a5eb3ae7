// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent;
import dev.sonde.stats.ErrorSnapshot.Kind;
import dev.sonde.stats.ErrorSnapshot.Source;
import dev.sonde.testing.ManualClock;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class ErrorRingTest {
  private static final String STACK = "at a.B.c(B.java:1)\nat a.B.d(B.java:2)";

  private final ManualClock clock = new ManualClock(-5);
  private final ErrorRing ring = new ErrorRing(3, clock);

  @Test
  void record_ignoresWhatDidNotFail() {
    ring.record(request("/a", 404, Outcome.COMPLETED, null));
    ring.record(function(false, null));

    assertThat(ring.snapshot().kinds()).isEmpty();
    assertThat(ring.snapshot().totalCount()).isZero();
  }

  @Test
  void record_makesOneKindOfTheSameTypeAndStack() {
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("X", "id 1", STACK)));
    clock.advance(Duration.ofSeconds(70));
    ring.record(request("/b", 500, Outcome.COMPLETED, new ErrorInfo("X", "id 2", STACK)));

    List<Kind> kinds = ring.snapshot().kinds();

    assertThat(kinds).hasSize(1);
    Kind kind = kinds.get(0);
    assertThat(kind.source()).isEqualTo(Source.REQUEST);
    assertThat(kind.type()).isEqualTo("X");
    assertThat(kind.count()).isEqualTo(2);
    assertThat(kind.where()).isEqualTo("GET /b");
    assertThat(kind.message()).isEqualTo("id 2");
    assertThat(kind.stack()).isEqualTo(STACK);
    assertThat(kind.firstNanos()).isEqualTo(-5);
    assertThat(kind.lastNanos()).isEqualTo(-5 + Duration.ofSeconds(70).toNanos());
    assertThat(kind.exampleRequestId()).isEqualTo(77);
    assertThat(kind.exampleTraceIdLow()).isEqualTo(22);
    assertThat(kind.trend()).hasSize(15).endsWith(1L, 1L);
  }

  @Test
  void record_keepsOtherTypesAndStacksApart() {
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("X", null, STACK)));
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("Y", null, STACK)));
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("X", null, "at z.Z.z(Z:1)")));

    assertThat(ring.snapshot().kinds()).hasSize(3);
  }

  @Test
  void record_seesThroughTheNumbersOfGeneratedClasses() {
    String one = "at a.B$$Lambda$14/0x0000000800c03000.run(Unknown Source)\nat $Proxy12.x(U)";
    String two = "at a.B$$Lambda/0x00007f1200c03111.run(Unknown Source)\nat $Proxy7.x(U)";

    assertThat(ErrorRing.hashOfFrames(one)).isEqualTo(ErrorRing.hashOfFrames(two));
    assertThat(ErrorRing.hashOfFrames(one))
        .isNotEqualTo(ErrorRing.hashOfFrames(one.replace("a.B", "a.C")));
  }

  @Test
  void record_countsAbortsTimeoutsStatusesFunctionsAndStatements() {
    ErrorRing wide = new ErrorRing(clock);
    wide.record(request("/a", 200, Outcome.CLIENT_ABORT_DURING_BODY, null));
    wide.record(request("/a", 0, Outcome.SERVER_TIMEOUT, null));
    wide.record(request(null, 503, Outcome.COMPLETED, null));
    wide.record(function(true, "java.io.IOException"));
    wide.record(statement("23505"));

    List<Kind> kinds = wide.snapshot().kinds();

    assertThat(kinds)
        .extracting(kind -> kind.source().jsonName() + "|" + kind.type() + "|" + kind.where())
        .containsExactlyInAnyOrder(
            "client_abort|client_abort_during_body|GET /a",
            "request|server_timeout|GET /a",
            "request|HTTP 503|GET /raw/{id}",
            "function|java.io.IOException|render",
            "database|h2 23505|INSERT INTO t VALUES (?)");
  }

  @Test
  void record_forgetsTheKindNotSeenForLongestAndCountsIt() {
    for (String type : List.of("A", "B", "C")) {
      ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo(type, null, STACK)));
      clock.advance(Duration.ofSeconds(1));
    }
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("A", null, STACK)));
    clock.advance(Duration.ofSeconds(1));
    ring.record(request("/a", 500, Outcome.COMPLETED, new ErrorInfo("D", null, STACK)));

    ErrorSnapshot snapshot = ring.snapshot();

    assertThat(snapshot.kinds()).extracting(Kind::type).containsExactly("D", "A", "C");
    assertThat(snapshot.totalCount()).isEqualTo(5);
    assertThat(snapshot.evictedKinds()).isEqualTo(1);
    assertThat(snapshot.evictedCount()).isEqualTo(1);
    long kept = snapshot.kinds().stream().mapToLong(Kind::count).sum();
    assertThat(kept + snapshot.evictedCount()).isEqualTo(snapshot.totalCount());
  }

  @Test
  void snapshot_letsTheTrendRunOut() {
    ring.record(request("/a", 500, Outcome.COMPLETED, null));
    clock.advance(Duration.ofMinutes(14));
    assertThat(ring.snapshot().kinds().get(0).trend()).startsWith(1L).endsWith(0L);

    clock.advance(Duration.ofMinutes(1));

    assertThat(ring.snapshot().kinds().get(0).trend()).containsOnly(0L);
    assertThat(ring.snapshot().kinds().get(0).count()).isEqualTo(1);
  }

  @Test
  void record_cutsWhatTheApplicationMadeLong() {
    String longText = "x".repeat(100_000);
    ring.record(request(longText, 500, Outcome.COMPLETED, new ErrorInfo("X", longText, longText)));

    Kind kind = ring.snapshot().kinds().get(0);

    assertThat(kind.message()).hasSizeLessThan(1_100);
    assertThat(kind.where()).hasSizeLessThan(1_100);
    assertThat(kind.stack()).hasSizeLessThan(17_000);
  }

  @Test
  void constructor_namesLimitAndValue() {
    assertThatThrownBy(() -> new ErrorRing(0, clock))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("capacity must be >= 1, was 0");
  }

  private RequestEvent request(
      @Nullable String route, int status, Outcome outcome, @Nullable ErrorInfo error) {
    long now = clock.nanoTime();
    return new RequestEvent(
        now, 11, 22, 33, 0, 5, 77, "GET", route, "/raw/9", status, outcome, 1, 0, 0, error, 1);
  }

  private FunctionEvent function(boolean isError, @Nullable String exceptionType) {
    return new FunctionEvent(clock.nanoTime(), 1, 2, 3, 4, "render", 10, isError, exceptionType, 1);
  }

  private DatabaseEvent statement(String code) {
    String text = "INSERT INTO t VALUES (?)";
    return new DatabaseEvent(
        clock.nanoTime(), 1, 2, 3, 4, "h2", null, "INSERT", "t", text, 9, -1, 5, true, code, 1, 1);
  }
}
