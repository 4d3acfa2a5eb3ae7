// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PathRuleTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "exact:/health | /health      | true",
        "exact:/health | /health/live | false",
        "exact:/health | /health?x=1  | true",
        "/health       | /health      | true",
        "/health       | /health/live | true",
        "/health       | /healthcare  | false",
        "/health/      | /health/live | true",
        "/health/      | /health      | true",
        "/             | /            | true",
        "/             | /anything    | true",
        "/heal*        | /healthcare  | true",
        "/heal*        | /heal        | true",
        "/heal*        | /hea         | false",
        "/*            | /x           | true",
        "re:/\\d+$     | /users/17    | true",
        "re:/\\d+$     | /users/17/x  | false",
        "re:admin      | /my/admin/x  | true",
        "re:^/a        | /b/a         | false",
      })
  void matches_followsTheForm(String rule, String path, boolean matches) {
    assertThat(PathRule.parse(rule).matches(path)).isEqualTo(matches);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "health", "re:", "re:(", "re:[a-", "/a*b", "/a**", "exact:", "exact:x", "*"})
  void parse_throwsNamingTheRule(String rule) {
    assertThatThrownBy(() -> PathRule.parse(rule))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("rule \"" + rule + "\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "re:^(/.*){8}/admin$  | /x",
        "re:^/(.*/){12}x$     | /",
        "re:.*.*.*.*=x        | x=",
        "re:\\s+$             | ' '",
        "re:(a+)+$            | a",
      })
  @Timeout(30) // a backtracking matcher would take longer than anybody lives
  void matches_endsWhateverTheInput(String rule, String piece) {
    PathRule parsed = PathRule.parse(rule);
    String evil = "/" + piece.repeat(50_000) + "!";
    boolean expected = parsed.matches(evil.substring(0, 512));

    for (int i = 0; i < 200; i++) {
      assertThat(parsed.matches(evil)).isEqualTo(expected);
    }
  }
}
