// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Lines of JSON that are about to be written: bytes that grow, field by field.
 *
 * <p>A field comes with its name encoded beforehand by {@link #name}. Nothing here allocates once
 * the buffer has its size. Not thread-safe.
 */
public final class JsonBuffer {
  /** An array that something huge has grown beyond this is given up for a small one. */
  private static final int RETAINED_BYTES = 1 << 18;

  private static final byte[] NULL = ascii("null");
  private static final byte[] TRUE = ascii("true");
  private static final byte[] FALSE = ascii("false");
  private static final byte[] END_OF_OBJECT = ascii("}");
  private static final byte[] END_OF_LINE = ascii("}\n");
  private static final byte[] LEAST_LONG = ascii(Long.toString(Long.MIN_VALUE));

  /** Bytes of the longest number: {@link Long#MIN_VALUE} with a point. */
  private static final int NUMBER_MAX_BYTES = 21;

  /** No character takes more bytes than an escape in ASCII, {@code \}{@code u0000}. */
  private static final int CHARACTER_MAX_BYTES = 6;

  private static final int NANOS_PER_MILLI = 1_000_000;
  private static final int MILLI_DECIMALS = 6;

  /** Up to here, whole doubles are written as their digits and {@code .0}. */
  private static final double PLAIN_DECIMAL_END = 1e7;

  private static final byte[] HEX = ascii("0123456789abcdef");

  /** Both digits of the numbers up to 99: one division gives two of them. */
  private static final byte[] TENS = new byte[100];

  private static final byte[] ONES = new byte[100];

  /** Least number of that many digits and one more; 0 has a digit, too. */
  private static final long[] POWERS_OF_TEN = new long[19];

  /** The characters of ASCII that stand for themselves in a JSON string. */
  private static final boolean[] PLAIN = new boolean[0x80];

  static {
    for (int i = 0; i < 100; i++) {
      TENS[i] = (byte) ('0' + i / 10);
      ONES[i] = (byte) ('0' + i % 10);
    }
    long power = 1;
    for (int i = 1; i < POWERS_OF_TEN.length; i++) {
      power *= 10;
      POWERS_OF_TEN[i] = power;
    }
    for (int c = 0; c < PLAIN.length; c++) {
      PLAIN[c] = c != '"' && c != '\\' && !JsonText.isUnsafe(c);
    }
  }

  private final int capacity;
  private byte[] bytes;
  private int size;

  /** The last double that was no small whole number; weights of one sampling rate repeat. */
  private long decimalBits;

  private byte[] decimal = ascii("0.0");

  /** Creates an empty buffer that holds {@code capacity} bytes before it grows. */
  public JsonBuffer(int capacity) {
    this.capacity = capacity;
    bytes = new byte[capacity];
  }

  /** The name of a field with all that stands before its value, for the methods that add one. */
  public static byte[] name(String name) {
    return ascii(",\"" + name + "\":");
  }

  /** Bytes held. */
  public int size() {
    return size;
  }

  /**
   * The array of which the first {@link #size()} bytes are held; the next change may replace it.
   */
  public byte[] array() {
    return bytes;
  }

  /** Forgets what follows the first {@code size} bytes. */
  public void cut(int size) {
    this.size = size;
  }

  /** Forgets everything. */
  public void clear() {
    size = 0;
    if (bytes.length > RETAINED_BYTES) {
      bytes = new byte[capacity];
    }
  }

  /** Ends the object and its line. */
  public void endLine() {
    put(END_OF_LINE);
  }

  void endObject() {
    put(END_OF_OBJECT);
  }

  /** Adds a whole number. */
  public void number(byte[] name, long value) {
    begin(name, NUMBER_MAX_BYTES);
    putNumber(value);
  }

  /**
   * Adds a text, or null.
   *
   * <p>It is cut between code points so that its own UTF-8 is at most {@code maxBytes} long. The
   * bound is on the text, not on its escapes, which take up to six times as much.
   *
   * @return whether the text is whole
   */
  public boolean text(byte[] name, @Nullable String value, int maxBytes) {
    if (value == null) {
      nothing(name);
      return true;
    }
    begin(name, 1);
    bytes[size++] = '"';
    boolean isWhole = putText(value, maxBytes);
    reserve(1);
    bytes[size++] = '"';
    return isWhole;
  }

  void nothing(byte[] name) {
    constant(name, NULL);
  }

  void bool(byte[] name, boolean value) {
    constant(name, value ? TRUE : FALSE);
  }

  private void constant(byte[] name, byte[] value) {
    begin(name, value.length);
    put(value);
  }

  /** Adds nanoseconds as milliseconds with up to six decimals, without loss. */
  void millis(byte[] name, long nanos) {
    begin(name, NUMBER_MAX_BYTES);
    long whole = nanos / NANOS_PER_MILLI;
    int fraction = (int) Math.abs(nanos % NANOS_PER_MILLI);
    if (nanos < 0 && whole == 0 && fraction > 0) {
      bytes[size++] = '-';
    }
    putNumber(whole);
    if (fraction > 0) {
      putFraction(fraction);
    }
  }

  /** Adds a finite double as {@link Double#toString(double)} gives it. */
  void decimal(byte[] name, double value) {
    long whole = (long) value;
    if (whole == value && value >= 1 && value < PLAIN_DECIMAL_END) {
      begin(name, NUMBER_MAX_BYTES);
      putNumber(whole);
      bytes[size++] = '.';
      bytes[size++] = '0';
      return;
    }
    long bits = Double.doubleToRawLongBits(value);
    if (bits != decimalBits) {
      decimal = ascii(Double.toString(value));
      decimalBits = bits;
    }
    constant(name, decimal);
  }

  /** Adds a string of 16 hex digits, or null for 0. */
  void id(byte[] name, long id) {
    if (id == 0) {
      nothing(name);
      return;
    }
    begin(name, 18);
    bytes[size++] = '"';
    putHex(id);
    bytes[size++] = '"';
  }

  /** Adds a string of 32 hex digits, or null if both halves are 0. */
  void id(byte[] name, long high, long low) {
    if ((high | low) == 0) {
      nothing(name);
      return;
    }
    begin(name, 34);
    bytes[size++] = '"';
    putHex(high);
    putHex(low);
    bytes[size++] = '"';
  }

  void put(byte[] ascii) {
    reserve(ascii.length);
    System.arraycopy(ascii, 0, bytes, size, ascii.length);
    size += ascii.length;
  }

  /** Adds the inside of a JSON string; returns whether all of it. */
  boolean putText(String text, int maxBytes) {
    int budget = maxBytes;
    int position = 0;
    while (true) {
      int plain = putPlain(text, position, Math.min(text.length() - position, budget));
      position += plain;
      budget -= plain;
      if (position == text.length()) {
        return true;
      }
      int codePoint = text.codePointAt(position);
      int encoded = JsonText.isLoneSurrogate(codePoint) ? JsonText.REPLACEMENT : codePoint;
      budget -= utf8Length(encoded);
      if (budget < 0) {
        return false;
      }
      putCodePoint(encoded);
      position += Character.charCount(codePoint);
    }
  }

  /** Adds the characters that stand for themselves, up to the first that does not. */
  private int putPlain(String text, int start, int count) {
    reserve(count + CHARACTER_MAX_BYTES);
    byte[] target = bytes;
    int offset = size;
    int i = 0;
    while (i < count) {
      char c = text.charAt(start + i);
      if (c >= PLAIN.length || !PLAIN[c]) {
        break;
      }
      target[offset + i] = (byte) c;
      i++;
    }
    size = offset + i;
    return i;
  }

  private void putCodePoint(int codePoint) {
    reserve(CHARACTER_MAX_BYTES);
    if (JsonText.isUnsafe(codePoint)) {
      putEscape(codePoint);
    } else if (codePoint < 0x80) {
      bytes[size++] = '\\';
      bytes[size++] = (byte) codePoint;
    } else {
      putMultiByte(codePoint);
    }
  }

  private void putEscape(int codePoint) {
    bytes[size++] = '\\';
    switch (codePoint) {
      case '\n' -> bytes[size++] = 'n';
      case '\r' -> bytes[size++] = 'r';
      case '\t' -> bytes[size++] = 't';
      default -> {
        bytes[size++] = 'u';
        for (int shift = 12; shift >= 0; shift -= 4) {
          bytes[size++] = HEX[(codePoint >> shift) & 0xF];
        }
      }
    }
  }

  private void putMultiByte(int codePoint) {
    if (codePoint < 0x800) {
      bytes[size++] = (byte) (0xC0 | (codePoint >> 6));
    } else {
      if (codePoint < 0x10000) {
        bytes[size++] = (byte) (0xE0 | (codePoint >> 12));
      } else {
        bytes[size++] = (byte) (0xF0 | (codePoint >> 18));
        bytes[size++] = (byte) (0x80 | ((codePoint >> 12) & 0x3F));
      }
      bytes[size++] = (byte) (0x80 | ((codePoint >> 6) & 0x3F));
    }
    bytes[size++] = (byte) (0x80 | (codePoint & 0x3F));
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

  private void putNumber(long value) {
    if (value == Long.MIN_VALUE) {
      put(LEAST_LONG);
      return;
    }
    long magnitude = value;
    if (value < 0) {
      bytes[size++] = '-';
      magnitude = -value;
    }
    size += digits(magnitude);
    putDigits(magnitude, size);
  }

  private static int digits(long value) {
    // 1233 / 4096 is a little more than log10(2), which is exact enough for 63 bits.
    int bits = Long.SIZE - Long.numberOfLeadingZeros(value | 1);
    int least = (bits * 1233) >> 12;
    return value >= POWERS_OF_TEN[least] ? least + 1 : least;
  }

  /** Writes the digits backwards, the last one before {@code end}. */
  private void putDigits(long value, int end) {
    int position = end;
    long rest = value;
    while (rest > Integer.MAX_VALUE) {
      // Divisions of 64 bits are dear: one for eight digits, and the eight in 32 bits.
      long quotient = rest / 100_000_000;
      int eight = (int) (rest - quotient * 100_000_000);
      rest = quotient;
      for (int i = 0; i < 4; i++) {
        position -= 2;
        putPair(eight % 100, position);
        eight /= 100;
      }
    }
    int last = (int) rest;
    while (last >= 10) {
      position -= 2;
      putPair(last % 100, position);
      last /= 100;
    }
    if (last > 0 || position == end) {
      bytes[position - 1] = (byte) ('0' + last);
    }
  }

  private void putPair(int pair, int position) {
    bytes[position] = TENS[pair];
    bytes[position + 1] = ONES[pair];
  }

  /** Adds a point and up to six decimals without zeros at the end. */
  private void putFraction(int fraction) {
    int rest = fraction;
    int places = MILLI_DECIMALS;
    while (rest % 10 == 0) {
      rest /= 10;
      places--;
    }
    bytes[size] = '.';
    for (int i = places; i > 0; i--) {
      bytes[size + i] = (byte) ('0' + rest % 10);
      rest /= 10;
    }
    size += 1 + places;
  }

  private void putHex(long value) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      bytes[size++] = HEX[(int) (value >>> shift) & 0xF];
    }
  }

  private void begin(byte[] name, int room) {
    reserve(name.length + room);
    System.arraycopy(name, 0, bytes, size, name.length);
    size += name.length;
  }

  private void reserve(int room) {
    if (bytes.length - size < room) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + room));
    }
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
