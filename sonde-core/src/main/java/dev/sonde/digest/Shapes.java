// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.RouteNormalizer;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Texts that many records have in common, kept once and referred to by a number.
 *
 * <p>A record so stores an int where it would store up to six references; each one stored in an old
 * array costs the collector's barrier a fence, more than all the numbers of the record. Any thread
 * may look up. The first to come are kept for the whole process, if their texts are short and, of
 * requests, no client could make them up. All others have no number, and their records refer to a
 * copy of their own.
 */
final class Shapes {
  /** The number of a shape that has none. */
  static final int NONE = 0;

  /** The numbers are 1 to this, for each sort of shape. */
  static final int NUMBERS = 1024;

  /** At most this much is held. */
  static final long BOUND_BYTES;

  private static final int PROBES = 16;

  /** Fewer than any text is cut to: a shape is only found again by the whole of its texts. */
  private static final int MAX_KEPT_CHARS = 500;

  private static final int MAX_VERSION_CHARS = 8;
  private static final long OBJECT_BYTES = 48;
  private static final int MAX_WORD_CHARS = 64;
  private static final int MAX_NAME_CHARS = 512;
  private static final int MAX_QUERY_CHARS = 8_192;

  // By number, written once by a compare-and-set; the record that tells the number is published
  // after that. Who reads an older null without a fence finds out when it wants to write.
  private static final VarHandle SHAPE = MethodHandles.arrayElementVarHandle(Shape[].class);
  private static final @Nullable Request[] REQUESTS = new @Nullable Request[NUMBERS];
  private static final @Nullable Statement[] STATEMENTS = new @Nullable Statement[NUMBERS];
  private static final @Nullable Name[] NAMES = new @Nullable Name[NUMBERS];

  static {
    BOUND_BYTES = 3L * NUMBERS * (OBJECT_BYTES + 2L * MAX_KEPT_CHARS);
  }

  private Shapes() {}

  /** What records of one sort have in common. */
  private interface Shape {
    int number();

    int chars();
  }

  /** Of requests: method and version as sent, and the template that matched. */
  record Request(int number, String method, @Nullable String route, String httpVersion)
      implements Shape {
    @Override
    public int chars() {
      return method.length() + length(route) + httpVersion.length();
    }

    boolean matches(String method, @Nullable String route, String httpVersion) {
      return this.method.equals(method)
          && Objects.equals(this.route, route)
          && this.httpVersion.equals(httpVersion);
    }
  }

  /** Of statements: all but what one execution adds. */
  record Statement(
      int number,
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash)
      implements Shape {
    @Override
    public int chars() {
      return vendor.length()
          + length(database)
          + operation.length()
          + length(target)
          + length(query);
    }

    private boolean matches(
        String vendor,
        @Nullable String database,
        String operation,
        @Nullable String target,
        @Nullable String query,
        long queryHash) {
      return this.queryHash == queryHash
          && Objects.equals(this.query, query)
          && this.operation.equals(operation)
          && Objects.equals(this.target, target)
          && Objects.equals(this.database, database)
          && this.vendor.equals(vendor);
    }
  }

  /** Of calls: the name of the function. */
  record Name(int number, String text) implements Shape {
    @Override
    public int chars() {
      return text.length();
    }
  }

  static Request request(String method, @Nullable String route, String httpVersion) {
    int hash = 31 * (route == null ? 0 : route.hashCode()) + method.hashCode();
    hash = 31 * hash + httpVersion.hashCode();
    for (int i = 0; i < PROBES; i++) {
      int number = number(hash, i);
      Request known = REQUESTS[number - 1];
      if (known == null) {
        Request fresh = newRequest(number, method, route, httpVersion);
        if (isOfServers(fresh) && isKept(REQUESTS, fresh)) {
          return fresh;
        }
        break;
      }
      if (known.matches(method, route, httpVersion)) {
        return known;
      }
    }
    return newRequest(NONE, method, route, httpVersion);
  }

  private static Request newRequest(
      int number, String method, @Nullable String route, String httpVersion) {
    return new Request(
        number,
        bounded(method, MAX_WORD_CHARS),
        boundedOrNull(route, MAX_NAME_CHARS),
        bounded(httpVersion, MAX_WORD_CHARS));
  }

  /** Whether clients can make up no more than a few of the kind. */
  private static boolean isOfServers(Request shape) {
    return RouteNormalizer.method(shape.method).equals(shape.method)
        && shape.httpVersion.length() <= MAX_VERSION_CHARS;
  }

  static Statement statement(
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash) {
    int hash = 31 * Long.hashCode(queryHash) + operation.hashCode();
    for (int i = 0; i < PROBES; i++) {
      int number = number(hash, i);
      Statement known = STATEMENTS[number - 1];
      if (known == null) {
        Statement fresh =
            newStatement(number, vendor, database, operation, target, query, queryHash);
        if (isKept(STATEMENTS, fresh)) {
          return fresh;
        }
        break;
      }
      if (known.matches(vendor, database, operation, target, query, queryHash)) {
        return known;
      }
    }
    return newStatement(NONE, vendor, database, operation, target, query, queryHash);
  }

  private static Statement newStatement(
      int number,
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash) {
    return new Statement(
        number,
        bounded(vendor, MAX_NAME_CHARS),
        boundedOrNull(database, MAX_NAME_CHARS),
        bounded(operation, MAX_NAME_CHARS),
        boundedOrNull(target, MAX_NAME_CHARS),
        boundedOrNull(query, MAX_QUERY_CHARS),
        queryHash);
  }

  static Name name(String text) {
    int hash = text.hashCode();
    for (int i = 0; i < PROBES; i++) {
      int number = number(hash, i);
      Name known = NAMES[number - 1];
      if (known == null) {
        Name fresh = new Name(number, boundedName(text));
        if (isKept(NAMES, fresh)) {
          return fresh;
        }
        break;
      }
      if (known.text.equals(text)) {
        return known;
      }
    }
    return new Name(NONE, boundedName(text));
  }

  /** The shape of a request's record: by its number, or the record's own. */
  static Request request(long number, @Nullable Object own) {
    return requireNonNull(number == NONE ? (Request) own : REQUESTS[(int) number - 1]);
  }

  /** The shape of a statement's record: by its number, or the record's own. */
  static Statement statement(long number, @Nullable Object own) {
    return requireNonNull(number == NONE ? (Statement) own : STATEMENTS[(int) number - 1]);
  }

  /** The shape of a call's record: by its number, or the record's own. */
  static Name name(long number, @Nullable Object own) {
    return requireNonNull(number == NONE ? (Name) own : NAMES[(int) number - 1]);
  }

  /** Estimate of the bytes held now. */
  static long heldBytes() {
    long bytes = 0;
    for (int i = 0; i < NUMBERS; i++) {
      bytes += bytesOf(REQUESTS[i]) + bytesOf(STATEMENTS[i]) + bytesOf(NAMES[i]);
    }
    return bytes;
  }

  private static long bytesOf(@Nullable Shape shape) {
    return shape == null ? 0 : OBJECT_BYTES + 2L * shape.chars();
  }

  private static int length(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  /** A text such as a path or a name; no client makes a record hold more than its share. */
  static String boundedName(String text) {
    return bounded(text, MAX_NAME_CHARS);
  }

  /** A word such as a method or a code. */
  static String boundedWord(String text) {
    return bounded(text, MAX_WORD_CHARS);
  }

  private static int number(int hash, int probe) {
    return 1 + ((hash ^ hash >>> 16) + probe & NUMBERS - 1);
  }

  /** Whether it is kept under its number, which must still be free. */
  private static boolean isKept(@Nullable Shape[] shapes, Shape shape) {
    return shape.chars() <= MAX_KEPT_CHARS
        && SHAPE.compareAndSet(shapes, shape.number() - 1, null, shape);
  }

  private static @Nullable String boundedOrNull(@Nullable String text, int maxChars) {
    return text == null ? null : bounded(text, maxChars);
  }

  private static String bounded(String text, int maxChars) {
    if (text.length() <= maxChars) {
      return text;
    }
    boolean splitsPair = Character.isHighSurrogate(text.charAt(maxChars - 1));
    return text.substring(0, splitsPair ? maxChars - 1 : maxChars);
  }
}
