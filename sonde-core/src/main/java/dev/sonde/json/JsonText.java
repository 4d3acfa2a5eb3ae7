// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The inside of a JSON string in UTF-8: safe on one line and on a terminal, and bounded.
 *
 * <p>Not thread-safe; one instance serves one writer.
 */
public final class JsonText {
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final char REPLACEMENT = '\uFFFD';

  /** No character takes more bytes than an escape in ASCII, {@code \}{@code u0000}. */
  private static final int LONGEST = 6;

  private byte[] bytes = new byte[256];
  private int length;
  private boolean isTruncated;

  JsonText() {}

  /**
   * Encodes a text, cut between code points so that its own UTF-8 is at most {@code maxBytes} long.
   *
   * <p>The bound is on the text, not on its escapes, which take up to six times as much.
   */
  void encode(String text, int maxBytes) {
    length = 0;
    isTruncated = false;
    int budget = maxBytes;
    int end = text.length();
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      int codePoint = c;
      if (Character.isSurrogate(c)) {
        boolean isPair =
            Character.isHighSurrogate(c)
                && i + 1 < end
                && Character.isLowSurrogate(text.charAt(i + 1));
        codePoint = isPair ? Character.toCodePoint(c, text.charAt(++i)) : REPLACEMENT;
      }
      budget -= utf8Length(codePoint);
      if (budget < 0) {
        isTruncated = true;
        return;
      }
      put(codePoint);
    }
  }

  byte[] bytes() {
    return bytes;
  }

  int length() {
    return length;
  }

  /** Whether the last text was cut. */
  boolean isTruncated() {
    return isTruncated;
  }

  /** The inside of the JSON string of a whole text. */
  public static String escaped(String text) {
    JsonText json = new JsonText();
    json.encode(text, Integer.MAX_VALUE);
    return new String(json.bytes, 0, json.length, StandardCharsets.UTF_8);
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

  private static int utf8Length(int codePoint) {
    if (codePoint < 0x80) {
      return 1;
    }
    if (codePoint < 0x800) {
      return 2;
    }
    return codePoint < 0x10000 ? 3 : 4;
  }

  private void put(int codePoint) {
    if (length + LONGEST > bytes.length) {
      bytes = Arrays.copyOf(bytes, bytes.length * 2);
    }
    if (isUnsafe(codePoint)) {
      putEscape(codePoint);
    } else if (codePoint < 0x80) {
      if (codePoint == '"' || codePoint == '\\') {
        bytes[length++] = '\\';
      }
      bytes[length++] = (byte) codePoint;
    } else {
      putMultiByte(codePoint);
    }
  }

  private void putEscape(int codePoint) {
    bytes[length++] = '\\';
    switch (codePoint) {
      case '\n' -> bytes[length++] = 'n';
      case '\r' -> bytes[length++] = 'r';
      case '\t' -> bytes[length++] = 't';
      default -> {
        bytes[length++] = 'u';
        for (int shift = 12; shift >= 0; shift -= 4) {
          bytes[length++] = HEX[(codePoint >> shift) & 0xF];
        }
      }
    }
  }

  private void putMultiByte(int codePoint) {
    if (codePoint < 0x800) {
      bytes[length++] = (byte) (0xC0 | (codePoint >> 6));
    } else {
      if (codePoint < 0x10000) {
        bytes[length++] = (byte) (0xE0 | (codePoint >> 12));
      } else {
        bytes[length++] = (byte) (0xF0 | (codePoint >> 18));
        bytes[length++] = (byte) (0x80 | ((codePoint >> 12) & 0x3F));
      }
      bytes[length++] = (byte) (0x80 | ((codePoint >> 6) & 0x3F));
    }
    bytes[length++] = (byte) (0x80 | (codePoint & 0x3F));
  }
}
