// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

import java.nio.charset.StandardCharsets;

/** What text may look like on one line that a terminal shows. */
public final class JsonText {
  /** Stands for what is no character. */
  static final char REPLACEMENT = '\uFFFD';

  private JsonText() {}

  /** The inside of the JSON string of a whole text. */
  public static String escaped(String text) {
    JsonBuffer json = new JsonBuffer(text.length() + 16);
    json.putText(text, Integer.MAX_VALUE);
    return new String(json.array(), 0, json.size(), StandardCharsets.UTF_8);
  }

  /**
   * Whether a character would end a line, steer a terminal, or turn the reading direction around.
   *
   * <p>Those are C0, DEL, C1, the line and paragraph separators, the byte order mark and the
   * characters of Unicode's bidirectional algorithm.
   */
  public static boolean isUnsafe(int codePoint) {
    return codePoint < 0x20
        || (codePoint >= 0x7F && codePoint <= 0x9F)
        || codePoint == 0x061C
        || codePoint == 0x200E
        || codePoint == 0x200F
        || (codePoint >= 0x2028 && codePoint <= 0x202E)
        || (codePoint >= 0x2066 && codePoint <= 0x2069)
        || codePoint == 0xFEFF;
  }

  /** Whether a code point is half of one, which UTF-8 cannot express. */
  static boolean isLoneSurrogate(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }
}
