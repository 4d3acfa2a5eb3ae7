// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** What is kept of a request's target: its path, without the parts that carry secrets. */
public final class RequestPath {
  private RequestPath() {}

  /**
   * The path without query string, fragment and path parameters.
   *
   * <p>Query strings and parameters such as {@code ;jsessionid=…} (RFC 3986 §3.3) identify people
   * and sessions; they are cut off before anything is kept.
   */
  public static String withoutParameters(String target) {
    if (target.indexOf(';') < 0 && target.indexOf('?') < 0 && target.indexOf('#') < 0) {
      return target;
    }
    StringBuilder path = new StringBuilder(target.length());
    boolean isParameter = false;
    for (int i = 0; i < target.length(); i++) {
      char c = target.charAt(i);
      if (c == '?' || c == '#') {
        break;
      }
      if (c == ';') {
        isParameter = true;
      } else if (c == '/') {
        isParameter = false;
      }
      if (!isParameter) {
        path.append(c);
      }
    }
    return path.toString();
  }
}
