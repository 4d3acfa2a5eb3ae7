// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import java.util.Map;

/**
 * A response as it came over the wire.
 *
 * @param status status code
 * @param headers last value of each header, names in lower case
 * @param text content without transfer coding, a character per byte
 */
public record RawResponse(int status, Map<String, String> headers, String text) {
  /** Whether the server says that it will close. */
  public boolean isLast() {
    return "close".equalsIgnoreCase(headers.get("connection"));
  }
}
