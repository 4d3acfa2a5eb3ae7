// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/**
 * Makes a bounded set of routes out of raw paths and methods, for servers without templates.
 *
 * <p>A segment that looks like an identifier becomes {@code {id}}: a number, a UUID, a hash, or a
 * long token with digits in it. The query string, path parameters and everything beyond {@value
 * #MAX_SEGMENTS} segments or {@value #MAX_CHARS} characters is left out.
 */
public final class RouteNormalizer {
  static final int MAX_SEGMENTS = 8;
  static final int MAX_CHARS = 128;

  private static final int MAX_SEGMENT_CHARS = 40;
  private static final int MIN_HASH_CHARS = 8;
  private static final int MIN_TOKEN_CHARS = 16;
  private static final String ID = "{id}";
  private static final String REST = "/**";

  private RouteNormalizer() {}

  /** One of the nine methods of RFC 9110 and RFC 5789, or {@code _OTHER}. */
  public static String method(String method) {
    return switch (method) {
      case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH" -> method;
      default -> "_OTHER";
    };
  }

  /** The route of a raw path; the same path gives the same route. */
  public static String normalize(String path) {
    if (path.isEmpty() || path.charAt(0) != '/') {
      return path.equals("*") ? "*" : "<invalid>";
    }
    int end = endOfPath(path);
    if (isPlain(path, end)) {
      return path;
    }
    StringBuilder route = new StringBuilder(Math.min(end, MAX_CHARS) + ID.length());
    int segments = 0;
    int i = 0;
    while (i < end) {
      int next = path.indexOf('/', i + 1);
      next = next < 0 || next > end ? end : next;
      if (segments == MAX_SEGMENTS || route.length() + (next - i) > MAX_CHARS) {
        return route.append(REST).toString();
      }
      appendSegment(route, path, i + 1, next);
      segments++;
      i = next;
    }
    return route.toString();
  }

  private static void appendSegment(StringBuilder route, String path, int start, int end) {
    int parameters = path.indexOf(';', start);
    int last = parameters < 0 || parameters > end ? end : parameters;
    route.append('/');
    if (isId(path, start, last)) {
      route.append(ID);
    } else {
      route.append(path, start, last);
    }
  }

  /** Whether the path is its own route, which spares the copy in the common case. */
  private static boolean isPlain(String path, int end) {
    if (end != path.length() || end > MAX_CHARS) {
      return false;
    }
    int segments = 0;
    int start = 1;
    for (int i = 1; i <= end; i++) {
      if (i == end || path.charAt(i) == '/') {
        segments++;
        if (segments > MAX_SEGMENTS || isId(path, start, i)) {
          return false;
        }
        start = i + 1;
      } else if (path.charAt(i) == ';') {
        return false;
      }
    }
    return true;
  }

  private static int endOfPath(String path) {
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '?' || c == '#') {
        return i;
      }
    }
    return path.length();
  }

  private static boolean isId(String path, int start, int end) {
    int digits = 0;
    int hex = 0;
    int upper = 0;
    int lower = 0;
    int dashes = 0;
    for (int i = start; i < end; i++) {
      char c = path.charAt(i);
      if (c >= '0' && c <= '9') {
        digits++;
        hex++;
      } else if (c >= 'a' && c <= 'z') {
        lower++;
        hex += c <= 'f' ? 1 : 0;
      } else if (c >= 'A' && c <= 'Z') {
        upper++;
        hex += c <= 'F' ? 1 : 0;
      } else if (c == '-' || c == '_') {
        dashes++;
      } else if (c <= ' ' || c > '~' || c == '%' || c == '@' || c == '=') {
        // Escaped, foreign or binary text is somebody's input, not the name of a route.
        return true;
      }
    }
    int length = end - start;
    boolean isNumber = digits > 0 && upper + lower == 0;
    boolean isHash = length >= MIN_HASH_CHARS && hex + dashes == length && digits > 0;
    boolean isMixed = digits >= 2 && upper > 0 && lower > 0 && dashes == 0;
    boolean isToken = length >= MIN_TOKEN_CHARS && (digits >= 4 || isMixed);
    return isNumber || isHash || isToken || length > MAX_SEGMENT_CHARS;
  }
}
