// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** Writes one JSON document; text of the application is bounded and made well-formed here. */
final class Json implements AutoCloseable {
  static final int MAX_NAME = 512;
  static final int MAX_TEXT = 4_096;
  static final int MAX_STACK = 16_384;

  private static final JsonFactory FACTORY = new JsonFactory();

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(8_192);
  private final JsonGenerator out;

  Json() {
    try {
      out = FACTORY.createGenerator(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A part of a document. */
  interface Part {
    void write() throws IOException;
  }

  /** Makes a document of one object. */
  static byte[] document(Body body) {
    try (Json json = new Json()) {
      json.out.writeStartObject();
      body.write(json);
      json.out.writeEndObject();
      json.out.close();
      return json.bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The fields of a document. */
  interface Body {
    void write(Json json) throws IOException;
  }

  void object(String name, Part part) throws IOException {
    out.writeObjectFieldStart(name);
    part.write();
    out.writeEndObject();
  }

  void element(Part part) throws IOException {
    out.writeStartObject();
    part.write();
    out.writeEndObject();
  }

  void array(String name, Part part) throws IOException {
    out.writeArrayFieldStart(name);
    part.write();
    out.writeEndArray();
  }

  void field(String name, long value) throws IOException {
    out.writeNumberField(name, value);
  }

  /** Six decimals are enough for every ratio and rate shown. */
  void field(String name, double value) throws IOException {
    out.writeFieldName(name);
    number(value);
  }

  void field(String name, boolean value) throws IOException {
    out.writeBooleanField(name, value);
  }

  /** Ids are strings, as JavaScript's numbers end at 53 bits. */
  void id(String name, long value) throws IOException {
    out.writeStringField(name, Long.toString(value));
  }

  void text(String name, @Nullable String value) throws IOException {
    text(name, value, MAX_NAME);
  }

  void text(String name, @Nullable String value, int maxChars) throws IOException {
    if (value == null) {
      out.writeNullField(name);
    } else {
      out.writeStringField(name, clean(value, maxChars));
    }
  }

  void nothing(String name) throws IOException {
    out.writeNullField(name);
  }

  void micros(String name, long nanos) throws IOException {
    out.writeFieldName(name);
    micros(nanos);
  }

  void micros(long nanos) throws IOException {
    // Three decimals keep the nanoseconds of what is fast.
    if (nanos % 1_000 == 0) {
      out.writeNumber(nanos / 1_000);
    } else {
      out.writeNumber(nanos / 1e3);
    }
  }

  void number(long value) throws IOException {
    out.writeNumber(value);
  }

  void number(double value) throws IOException {
    if (Double.isFinite(value)) {
      out.writeNumber(Math.rint(value * 1e6) / 1e6);
    } else {
      out.writeNull();
    }
  }

  void fieldName(String name) throws IOException {
    out.writeFieldName(name);
  }

  /** A word of our own as an element. */
  void name(String value) throws IOException {
    out.writeString(value);
  }

  void nothing() throws IOException {
    out.writeNull();
  }

  void triple(long first, long second, long third) throws IOException {
    out.writeStartArray();
    out.writeNumber(first);
    out.writeNumber(second);
    out.writeNumber(third);
    out.writeEndArray();
  }

  /** Sixteen hexadecimal digits for each half. */
  static @Nullable String traceId(long high, long low) {
    return (high | low) == 0 ? null : hex(high) + hex(low);
  }

  static String hex(long value) {
    String digits = Long.toHexString(value);
    return "0".repeat(16 - digits.length()) + digits;
  }

  /**
   * The text cut on a code point, with U+FFFD in place of what is no character and of what would
   * turn the direction of the text around it.
   */
  static String clean(String text, int maxChars) {
    boolean isCut = text.length() > maxChars;
    int end = isCut ? maxChars - 1 : text.length();
    if (isCut && Character.isHighSurrogate(text.charAt(end - 1))) {
      end--;
    }
    StringBuilder cleaned = null;
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      boolean isPair =
          Character.isHighSurrogate(c)
              && i + 1 < end
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (isPair) {
        i++;
      } else if (Character.isSurrogate(c) || turnsDirection(c)) {
        if (cleaned == null) {
          cleaned = new StringBuilder(text);
        }
        cleaned.setCharAt(i, '\uFFFD');
      }
    }
    if (cleaned == null && !isCut) {
      return text;
    }
    String kept = cleaned == null ? text.substring(0, end) : cleaned.substring(0, end);
    return isCut ? kept + '…' : kept;
  }

  private static boolean turnsDirection(char c) {
    return (c >= '\u202A' && c <= '\u202E')
        || (c >= '\u2066' && c <= '\u2069')
        || c == '\u200E'
        || c == '\u200F'
        || c == '\u061C';
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
