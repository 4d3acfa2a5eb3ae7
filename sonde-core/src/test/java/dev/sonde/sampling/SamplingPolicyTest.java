// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SamplingPolicyTest {
  private static final long MILLI = 1_000_000;

  @ParameterizedTest
  @ValueSource(doubles = {0.0, 1.0})
  void weightOf_neverAsksTheGeneratorAtRateZeroAndOne(double rate) {
    AtomicInteger asked = new AtomicInteger();
    SamplingPolicy policy =
        SamplingPolicy.builder()
            .rate(rate)
            .generator(
                () -> {
                  asked.incrementAndGet();
                  return 0.0;
                })
            .build();

    assertThat(policy.weightOf(request("/a", 200, MILLI, 1))).isEqualTo(rate);
    assertThat(asked).hasValue(0);
  }

  @ParameterizedTest
  @CsvSource({"0.25, 4", "0.2500001, 0", "0.0, 4", "0.9, 0"})
  void weightOf_keepsWhatDrawsAtMostTheRate(double drawn, double weight) {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.25).generator(() -> drawn).build();

    assertThat(policy.weightOf(request("/a", 200, MILLI, 1))).isEqualTo(weight);
  }

  @Test
  void weightOf_isTheSameForATraceInEveryService() {
    SamplingPolicy one = SamplingPolicy.builder().rate(0.1).build();
    SamplingPolicy two = SamplingPolicy.builder().rate(0.1).build();
    SamplingPolicy more = SamplingPolicy.builder().rate(0.5).build();
    SplittableRandom random = new SplittableRandom(4);
    double sum = 0;
    int traces = 100_000;
    for (int i = 0; i < traces; i++) {
      RequestEvent event = request("/a", 200, MILLI, random.nextLong());
      double weight = one.weightOf(event);
      assertThat(two.weightOf(event)).isEqualTo(weight);
      if (weight > 0) {
        assertThat(more.weightOf(event)).isEqualTo(2.0);
      }
      sum += weight;
    }

    assertThat(sum / traces).isCloseTo(1.0, within(0.05));
  }

  @Test
  void weightOf_dependsOnTheLast56BitsOfTheTraceId() {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.5).build();

    assertThat(policy.weightOf(request("/a", 200, MILLI, 0x0080000000000000L))).isEqualTo(2.0);
    assertThat(policy.weightOf(request("/a", 200, MILLI, 0x007fffffffffffffL))).isZero();
    assertThat(policy.weightOf(request("/a", 200, MILLI, 0xff7fffffffffffffL))).isZero();
  }

  @Test
  void seed_givesTheSameDecisions() {
    assertThat(decisions(7)).isEqualTo(decisions(7)).contains(0.0, 2.0);
    assertThat(decisions(7)).isNotEqualTo(decisions(8));
  }

  @Test
  void weightOf_isOneForErrorsWhateverTheRate() {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.0).override("/b", 0.5).build();

    assertThat(policy.weightOf(request("/a", 500, MILLI, 1))).isEqualTo(1.0);
    assertThat(policy.weightOf(request("/b", 503, MILLI, -1))).isEqualTo(1.0);
    assertThat(policy.weightOf(failed("/a"))).isEqualTo(1.0);
    assertThat(policy.weightOf(request("/a", 404, MILLI, 1))).isZero();
  }

  @Test
  void weightOf_dropsErrorsWhenTheyAreNotToBeKept() {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.0).alwaysKeepErrors(false).build();

    assertThat(policy.weightOf(request("/a", 500, MILLI, 1))).isZero();
  }

  @Test
  void weightOf_isOneForSlowRequests() {
    SamplingPolicy byDefault = SamplingPolicy.builder().rate(0.0).build();
    SamplingPolicy own =
        SamplingPolicy.builder().rate(0.0).alwaysKeepSlow(Duration.ofMillis(10)).build();
    SamplingPolicy none = SamplingPolicy.builder().rate(0.0).alwaysKeepSlow(null).build();

    assertThat(byDefault.weightOf(request("/a", 200, 1_000 * MILLI, 1))).isEqualTo(1.0);
    assertThat(byDefault.weightOf(request("/a", 200, 999 * MILLI, 1))).isZero();
    assertThat(own.weightOf(request("/a", 200, 10 * MILLI, 1))).isEqualTo(1.0);
    assertThat(none.weightOf(request("/a", 200, 100_000 * MILLI, 1))).isZero();
  }

  @Test
  void weightOf_takesNoStreamForSlowForBeingOpenLong() {
    SamplingPolicy policy =
        SamplingPolicy.builder().rate(0).alwaysKeepSlow(Duration.ofMillis(10)).build();
    long hour = 3_600_000 * MILLI;

    assertThat(weightOf(policy, null, hour, MILLI)).isEqualTo(1.0);
    assertThat(weightOf(policy, StreamKind.WEBSOCKET, hour, MILLI)).isEqualTo(1.0);
    assertThat(weightOf(policy, StreamKind.LONG_POLL, hour, hour)).isZero();
    assertThat(weightOf(policy, StreamKind.SSE, hour, MILLI)).isZero();
    assertThat(weightOf(policy, StreamKind.SSE, hour, -1)).isZero();
    assertThat(weightOf(policy, StreamKind.SSE, hour, 10 * MILLI)).isEqualTo(1.0);
  }

  private static double weightOf(
      SamplingPolicy policy, @Nullable StreamKind stream, long durationNanos, long firstByteNanos) {
    return policy.weightOf("/a", null, false, stream, durationNanos, firstByteNanos, 1, 1);
  }

  @Test
  void rateOf_isThatOfTheFirstRuleThatMatches() {
    SamplingPolicy policy =
        SamplingPolicy.builder()
            .rate(0.5)
            .override("exact:/a/b", 0.1)
            .override("/a", 0.2)
            .override("re:^/a", 0.3)
            .build();

    assertThat(policy.rateOf("/a/b")).isEqualTo(0.1);
    assertThat(policy.rateOf("/a/c")).isEqualTo(0.2);
    assertThat(policy.rateOf("/ab")).isEqualTo(0.3);
    assertThat(policy.rateOf("/x")).isEqualTo(0.5);
  }

  @Test
  void weightOf_followsTheRulesThatMatchTheRoute() {
    SamplingPolicy policy =
        SamplingPolicy.builder()
            .override("exact:/users/{id}", 0.0)
            .exclude("exact:/health/{probe}")
            .build();

    assertThat(policy.weightOf(routed("/users/7", "/users/{id}"))).isZero();
    assertThat(policy.weightOf(routed("/users/7", "/users/{name}"))).isEqualTo(1.0);
    assertThat(policy.weightOf(routed("/users/7", null))).isEqualTo(1.0);
    assertThat(policy.rateOf("/users/7", "/users/{id}")).isZero();
    assertThat(policy.excludes("/health/live", "/health/{probe}")).isTrue();
    assertThat(policy.weightOf(routed("/health/live", "/health/{probe}"))).isZero();
  }

  private static RequestEvent routed(String path, @Nullable String route) {
    Outcome done = Outcome.COMPLETED;
    return new RequestEvent(
        1, 1, 1, 1, 0, 1, 1, "GET", route, path, 200, done, MILLI, 0, 0, null, 1);
  }

  @Test
  void excludes_winsOverErrors() {
    SamplingPolicy policy = SamplingPolicy.builder().exclude("/health").build();

    assertThat(policy.excludes("/health/live")).isTrue();
    assertThat(policy.excludes("/healthcare")).isFalse();
    assertThat(policy.weightOf(request("/health", 500, MILLI, 1))).isZero();
    assertThat(policy.weightOf(request("/healthcare", 200, MILLI, 1))).isEqualTo(1.0);
  }

  @Test
  void weightOf_ofAPartFollowsItsRequestAndKeepsItsOwnErrors() {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.0).build();

    assertThat(policy.weightOf(false, 4.0)).isEqualTo(4.0);
    assertThat(policy.weightOf(false, SamplingPolicy.DROP)).isZero();
    assertThat(policy.weightOf(true, SamplingPolicy.DROP)).isEqualTo(1.0);
  }

  @Test
  void weightOfOrphan_decidesByRateErrorAndDuration() {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.0).build();

    assertThat(policy.weightOfOrphan(function(false, MILLI))).isZero();
    assertThat(policy.weightOfOrphan(function(true, MILLI))).isEqualTo(1.0);
    assertThat(policy.weightOfOrphan(function(false, 2_000 * MILLI))).isEqualTo(1.0);
    assertThat(SamplingPolicy.keepAll().weightOfOrphan(function(false, MILLI))).isEqualTo(1.0);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.001, 1.001, Double.NaN, Double.POSITIVE_INFINITY})
  void rate_throwsOutsideOfZeroToOne(double rate) {
    SamplingPolicy.Builder builder = SamplingPolicy.builder();

    assertThatThrownBy(() -> builder.rate(rate))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("rate must be in [0, 1], was " + rate);
    assertThatThrownBy(() -> builder.override("/a", rate))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("rate of rule \"/a\" must be in [0, 1], was " + rate);
  }

  @Test
  void alwaysKeepSlow_throwsForNothing() {
    assertThatThrownBy(() -> SamplingPolicy.builder().alwaysKeepSlow(Duration.ZERO))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("alwaysKeepSlow must be > 0, was PT0S");
  }

  private static List<Double> decisions(long seed) {
    SamplingPolicy policy = SamplingPolicy.builder().rate(0.5).seed(seed).build();
    List<Double> decisions = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      decisions.add(policy.weightOf(request("/a", 200, MILLI, i)));
    }
    return decisions;
  }

  private static RequestEvent request(String path, int status, long nanos, long traceIdLow) {
    return event(path, status, nanos, traceIdLow, null);
  }

  private static RequestEvent failed(String path) {
    return event(path, 200, MILLI, 1, new ErrorInfo("X", null, ""));
  }

  private static RequestEvent event(
      String path, int status, long nanos, long traceIdLow, @Nullable ErrorInfo error) {
    Outcome done = Outcome.COMPLETED;
    return new RequestEvent(
        1, 1, traceIdLow, 1, 0, 1, 1, "GET", null, path, status, done, nanos, 0, 0, error, 1);
  }

  private static FunctionEvent function(boolean isError, long nanos) {
    return new FunctionEvent(1, 1, 2, 3, 4, "f", nanos, isError, isError ? "X" : null, 1);
  }
}
