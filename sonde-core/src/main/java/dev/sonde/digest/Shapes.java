// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Texts that many records have in common, kept once and referred to as one.
 *
 * <p>So a record stores one reference where it would store up to six; each one stored in an old
 * array costs the collector's barrier a fence, more than all the numbers of the record. Any thread
 * may look up; threads that meet may both make a copy, which is as good. They are kept for the
 * whole process, and only if their texts are short.
 */
final class Shapes {
  /** At most this much is held. */
  static final long BOUND_BYTES;

  private static final int SIZE = 512;
  private static final int MAX_KEPT_CHARS = 512;
  private static final long OBJECT_BYTES = 48;
  private static final int MAX_WORD_CHARS = 64;
  private static final int MAX_NAME_CHARS = 512;
  private static final int MAX_QUERY_CHARS = 8_192;

  private static final @Nullable Request[] REQUESTS = new @Nullable Request[SIZE];
  private static final @Nullable Statement[] STATEMENTS = new @Nullable Statement[SIZE];

  static {
    BOUND_BYTES = 2L * SIZE * (OBJECT_BYTES + 2L * MAX_KEPT_CHARS);
  }

  private Shapes() {}

  /** Estimate of the bytes held now. */
  static long heldBytes() {
    long bytes = 0;
    for (int i = 0; i < SIZE; i++) {
      Request request = REQUESTS[i];
      Statement statement = STATEMENTS[i];
      bytes += request == null ? 0 : OBJECT_BYTES + 2L * request.chars();
      bytes += statement == null ? 0 : OBJECT_BYTES + 2L * statement.chars();
    }
    return bytes;
  }

  private static int length(@Nullable String text) {
    return text == null ? 0 : text.length();
  }

  /** Of requests: method and version as sent, and the template that matched. */
  record Request(String method, @Nullable String route, String httpVersion) {
    private int chars() {
      return method.length() + length(route) + httpVersion.length();
    }

    private boolean matches(String method, @Nullable String route, String httpVersion) {
      return this.method.equals(method)
          && Objects.equals(this.route, route)
          && this.httpVersion.equals(httpVersion);
    }
  }

  /** Of statements: all but what one execution adds. */
  record Statement(
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash) {
    private int chars() {
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

  static Request request(String method, @Nullable String route, String httpVersion) {
    int hash = 31 * (route == null ? 0 : route.hashCode()) + method.hashCode();
    int index = index(31 * hash + httpVersion.hashCode());
    Request known = REQUESTS[index];
    if (known != null && known.matches(method, route, httpVersion)) {
      return known;
    }
    Request fresh =
        new Request(
            bounded(method, MAX_WORD_CHARS),
            boundedOrNull(route, MAX_NAME_CHARS),
            bounded(httpVersion, MAX_WORD_CHARS));
    if (fresh.chars() <= MAX_KEPT_CHARS) {
      REQUESTS[index] = fresh;
    }
    return fresh;
  }

  static Statement statement(
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash) {
    int index = index(31 * Long.hashCode(queryHash) + operation.hashCode());
    Statement known = STATEMENTS[index];
    if (known != null && known.matches(vendor, database, operation, target, query, queryHash)) {
      return known;
    }
    Statement fresh =
        new Statement(
            bounded(vendor, MAX_NAME_CHARS),
            boundedOrNull(database, MAX_NAME_CHARS),
            bounded(operation, MAX_NAME_CHARS),
            boundedOrNull(target, MAX_NAME_CHARS),
            boundedOrNull(query, MAX_QUERY_CHARS),
            queryHash);
    if (fresh.chars() <= MAX_KEPT_CHARS) {
      STATEMENTS[index] = fresh;
    }
    return fresh;
  }

  /** A text such as a path or a name; no client makes a record hold more than its share. */
  static String boundedName(String text) {
    return bounded(text, MAX_NAME_CHARS);
  }

  /** A word such as a method or a code. */
  static String boundedWord(String text) {
    return bounded(text, MAX_WORD_CHARS);
  }

  private static int index(int hash) {
    return (hash ^ hash >>> 16) & (SIZE - 1);
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
