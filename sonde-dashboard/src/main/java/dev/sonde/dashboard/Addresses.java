// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.util.Locale;

/** What the text of an address says, without asking a name server. */
final class Addresses {
  private Addresses() {}

  /** Whether the text names this machine only; a name other than localhost never does. */
  static boolean isLoopback(String host) {
    String name = unbracketed(host).toLowerCase(Locale.ROOT);
    return name.equals("localhost")
        || name.equals("::1")
        || name.equals("0:0:0:0:0:0:0:1")
        || (isIpv4(name) && name.startsWith("127."));
  }

  /** Whether the text is the address of all interfaces. */
  static boolean isWildcard(String host) {
    String name = unbracketed(host);
    return name.equals("0.0.0.0") || name.equals("::") || name.equals("0:0:0:0:0:0:0:0");
  }

  /** Whether the text is an address and no name; an address cannot be rebound by a name server. */
  static boolean isLiteral(String host) {
    return (host.startsWith("[") && host.endsWith("]")) || isIpv4(host);
  }

  /** The text without the brackets that a URL puts around IPv6. */
  static String unbracketed(String host) {
    return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
  }

  /** The text as it stands in a URL. */
  static String bracketed(String host) {
    return host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host;
  }

  private static boolean isIpv4(String host) {
    int groups = 0;
    int digits = 0;
    int value = 0;
    for (int i = 0; i <= host.length(); i++) {
      char c = i < host.length() ? host.charAt(i) : '.';
      if (c == '.') {
        if (digits == 0 || value > 255) {
          return false;
        }
        groups++;
        digits = 0;
        value = 0;
      } else if (c >= '0' && c <= '9' && digits < 3) {
        value = value * 10 + (c - '0');
        digits++;
      } else {
        return false;
      }
    }
    return groups == 4;
  }
}
