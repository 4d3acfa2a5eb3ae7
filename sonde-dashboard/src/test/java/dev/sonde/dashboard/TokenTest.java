// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
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
  void matches_comparesByNothingThatStopsAtTheFirstDifference() throws IOException {
    String code;
    try (InputStream file = Token.class.getResourceAsStream("Token.class")) {
      code = new String(file.readAllBytes(), StandardCharsets.ISO_8859_1);
    }

    // Names in the class file: MessageDigest.isEqual is there, and no other way to compare is.
    assertThat(code)
        .contains("isEqual")
        .doesNotContain("java/util/Arrays")
        .doesNotContain("equals")
        .doesNotContain("compareTo")
        .doesNotContain("regionMatches")
        .doesNotContain("startsWith");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "short",
        "with space in it",
        "ümläut-ümläut",
        "line\nline-line",
        "",
        "a\"b<c>d'e",
        "0123456789abcdef01234",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      })
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
