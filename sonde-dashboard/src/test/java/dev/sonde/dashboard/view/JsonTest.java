// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class JsonTest {
  @Test
  void text_isOneLineOfStrictUtf8ForEveryCharacter() throws IOException {
    for (int c = 0; c <= Character.MAX_VALUE; c++) {
      byte[] bytes = document("a" + (char) c + "b");

      assertThat(isPlainLine(bytes)).as("U+%04X", c).isTrue();
      boolean isReplaced = Character.isSurrogate((char) c);
      String back = parse(bytes);
      assertThat(back).hasSize(3);
      assertThat(back.charAt(1) == (char) c || back.charAt(1) == '\uFFFD').isTrue();
      if (isReplaced) {
        assertThat(back.charAt(1)).isEqualTo('\uFFFD');
      }
    }
  }

  @Test
  void clean_keepsPairsAndReplacesWhatTurnsDirection() {
    assertThat(Json.clean("a😀b", 10)).isEqualTo("a😀b");
    assertThat(Json.clean("x\u202Egpj.exe\u2066", 20)).isEqualTo("x\uFFFDgpj.exe\uFFFD");
    assertThat(Json.clean("\uDE00\uD83D", 10)).isEqualTo("\uFFFD\uFFFD");
  }

  @Test
  void clean_cutsOnCodePointAndSaysSo() {
    assertThat(Json.clean("abcdef", 6)).isEqualTo("abcdef");
    assertThat(Json.clean("abcdefg", 6)).isEqualTo("abcde…");
    assertThat(Json.clean("abcd😀g", 6)).isEqualTo("abcd…");
    assertThat(Json.clean("x".repeat(100_000), 512)).hasSize(512);
  }

  @Test
  void number_isNullWhereJsonHasNone() {
    byte[] bytes =
        Json.document(
            json -> {
              json.field("nan", Double.NaN);
              json.field("infinite", Double.POSITIVE_INFINITY);
              json.field("third", 1 / 3.0);
            });

    assertThat(new String(bytes, StandardCharsets.UTF_8))
        .isEqualTo("{\"nan\":null,\"infinite\":null,\"third\":0.333333}");
  }

  @Test
  void traceId_isThirtyTwoDigitsOrNothing() {
    assertThat(Json.traceId(0, 0)).isNull();
    assertThat(Json.traceId(1, -1)).isEqualTo("0000000000000001ffffffffffffffff");
  }

  private static byte[] document(String text) {
    return Json.document(json -> json.text("t", text));
  }

  private static boolean isPlainLine(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
    } catch (CharacterCodingException e) {
      return false;
    }
    for (byte b : bytes) {
      if (b >= 0 && b < 0x20) {
        return false;
      }
    }
    return true;
  }

  private static String parse(byte[] bytes) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(bytes)) {
      while (parser.nextToken() != JsonToken.VALUE_STRING) {
        assertThat(parser.currentToken()).isNotNull();
      }
      return parser.getText();
    }
  }
}
