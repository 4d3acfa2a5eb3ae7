// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TokenTest {
  private static final String SECRET = "0123456789abcdef0123456789abcdef";

  @Test
  void random_isStrongUsableAndNew() {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < 1_000; i++) {
      String secret = Token.random();
      assertThat(Token.isStrong(Token.requireUsable(secret))).isTrue();
      assertThat(seen.add(secret)).isTrue();
    }
  }

  @Test
  void matches_onlyTheSecretItself() {
    Token token = new Token(SECRET);

    assertThat(token.matches(SECRET)).isTrue();
    for (int i = 0; i < SECRET.length(); i++) {
      char other = SECRET.charAt(i) == 'x' ? 'y' : 'x';
      assertThat(token.matches(SECRET.substring(0, i) + other + SECRET.substring(i + 1))).isFalse();
      assertThat(token.matches(SECRET.substring(0, i))).isFalse();
    }
    assertThat(token.matches(SECRET + "0")).isFalse();
    assertThat(token.matches(SECRET + "0".repeat(10_000))).isFalse();
    assertThat(token.matches(SECRET.toUpperCase(Locale.ROOT))).isFalse();
  }

  @Test
  void token_keepsDigestAndNotTheSecret() throws IllegalAccessException {
    Token token = new Token(SECRET);

    for (Field field : Token.class.getDeclaredFields()) {
      field.setAccessible(true);
      Object value = field.get(token);
      assertThat(value).isNotEqualTo(SECRET);
      if (value instanceof byte[] bytes) {
        assertThat(bytes).hasSize(32);
        assertThat(Arrays.equals(bytes, SECRET.getBytes(StandardCharsets.UTF_8))).isFalse();
      }
    }
  }

  /** The time of a comparison must not tell how much of a guess was right. */
  @Test
  void matches_takesAsLongForNearMissAsForFarMiss() {
    Token token = new Token(SECRET);
    String near = SECRET.substring(0, SECRET.length() - 1) + "x";
    String far = "x" + SECRET.substring(1);
    int samples = 100_000;
    double[] nearNanos = new double[samples];
    double[] farNanos = new double[samples];
    int matches = 0;
    for (int i = 0; i < 2 * samples; i++) {
      long a = System.nanoTime();
      matches += token.matches(near) ? 1 : 0;
      long b = System.nanoTime();
      matches += token.matches(far) ? 1 : 0;
      long c = System.nanoTime();
      if (i >= samples) {
        nearNanos[i - samples] = b - a;
        farNanos[i - samples] = c - b;
      }
    }

    assertThat(matches).isZero();
    Arrays.sort(nearNanos);
    Arrays.sort(farNanos);
    // Medians, as one preemption outweighs a hundred thousand comparisons; an early exit at the
    // first wrong character of 32 would show as tens of nanoseconds.
    assertThat(Math.abs(nearNanos[samples / 2] - farNanos[samples / 2])).isLessThan(60);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"short", "with space in it", "ümläut-ümläut", "line\nline-line", "", "a\"b<c>d'e"})
  void requireUsable_rejects(String secret) {
    assertThatThrownBy(() -> Token.requireUsable(secret))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sonde.dashboard.token")
        .satisfies(
            e ->
                assertThat(secret.isEmpty() || !String.valueOf(e.getMessage()).contains(secret))
                    .isTrue());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0123456789abcdef0123456789abcde",
        "abcdefghijklmnopqrstu",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      })
  void isStrong_falseBelow128Bits(String secret) {
    assertThat(Token.isStrong(secret)).isFalse();
  }
}
