// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.jspecify.annotations.Nullable;

/**
 * Who may read: every rule that can be decided from a request's head.
 *
 * <p>The {@code Host} rule defeats DNS rebinding: a foreign name that resolves to this machine is
 * still a foreign name. An address cannot be rebound, so addresses pass where the dashboard is
 * bound to more than loopback.
 */
final class AccessRules {
  /** Wrong tokens a second that are answered with 401; more get 429. */
  static final int MAX_FAILURES_PER_SECOND = 10;

  private static final String BEARER = "Bearer ";

  private final Token token;
  private final boolean isLoopbackOnly;
  private final Set<String> allowedHosts;
  private final FailureBucket failures;

  AccessRules(Token token, String boundHost, List<String> allowedHosts, FailureBucket failures) {
    this.token = token;
    this.failures = failures;
    isLoopbackOnly = Addresses.isLoopback(boundHost);
    List<String> bound =
        Addresses.isWildcard(boundHost) || isLoopbackOnly
            ? List.of()
            : List.of(Addresses.bracketed(boundHost.toLowerCase(Locale.ROOT)));
    this.allowedHosts = Set.copyOf(concat(bound, allowedHosts));
  }

  /** Status of the refusal by address, method, origin or body, or 0 if the request may go on. */
  int checkHead(String method, @Nullable String uriAuthority, HttpFields headers) {
    List<String> hosts = headers.getValuesList(HttpHeader.HOST);
    if (hosts.size() != 1 || !isAllowedHost(hosts.get(0))) {
      return 421;
    }
    if (uriAuthority != null && !isAllowedHost(uriAuthority)) {
      return 421;
    }
    if (!method.equals("GET") && !method.equals("HEAD")) {
      return 405;
    }
    if (!isSameOrigin(headers, hosts.get(0))) {
      return 403;
    }
    if (hasBody(headers)) {
      return 413;
    }
    return 0;
  }

  /** Status of the refusal by token, or 0 if the reader presented the right one. */
  int checkToken(@Nullable String query, HttpFields headers) {
    List<String> presented = headers.getValuesList(HttpHeader.AUTHORIZATION);
    boolean isRight =
        presented.size() == 1
            && !hasTokenInQuery(query)
            && presented.get(0).regionMatches(true, 0, BEARER, 0, BEARER.length())
            && token.matches(presented.get(0).substring(BEARER.length()));
    if (isRight) {
      return 0;
    }
    return failures.isOverflowing() ? 429 : 401;
  }

  boolean isAllowedHost(String authority) {
    String host = hostOf(authority);
    if (host == null) {
      return false;
    }
    return Addresses.isLoopback(host)
        || allowedHosts.contains(host)
        || (!isLoopbackOnly && Addresses.isLiteral(host));
  }

  private static boolean isSameOrigin(HttpFields headers, String host) {
    List<String> origins = headers.getValuesList("Origin");
    // https too: a proxy in front may speak TLS while this port never does.
    boolean isOwn =
        origins.isEmpty()
            || (origins.size() == 1
                && (origins.get(0).equalsIgnoreCase("http://" + host)
                    || origins.get(0).equalsIgnoreCase("https://" + host)));
    return isOwn && !isForeignFetch(headers);
  }

  private static boolean isForeignFetch(HttpFields headers) {
    String site = headers.get("Sec-Fetch-Site");
    boolean isForeign = "cross-site".equals(site) || "same-site".equals(site);
    // A link on another page may lead here; that page then sees nothing of the answer.
    return isForeign && !"navigate".equals(headers.get("Sec-Fetch-Mode"));
  }

  private static boolean hasBody(HttpFields headers) {
    HttpField length = headers.getField(HttpHeader.CONTENT_LENGTH);
    return headers.contains(HttpHeader.TRANSFER_ENCODING)
        || (length != null && !"0".equals(length.getValue()));
  }

  /** A token in a URL ends in logs and histories, so it does not count, not even a right one. */
  private static boolean hasTokenInQuery(@Nullable String query) {
    if (query == null) {
      return false;
    }
    String lower = query.toLowerCase(Locale.ROOT);
    return lower.contains("token=") || lower.startsWith("t=") || lower.contains("&t=");
  }

  /** Lower-case host of {@code host[:port]}, or null if it is not of that form. */
  private static @Nullable String hostOf(String authority) {
    int end = authority.startsWith("[") ? authority.indexOf(']') + 1 : authority.indexOf(':');
    String host = end < 0 ? authority : authority.substring(0, end);
    String port = end < 0 ? "" : authority.substring(end);
    boolean isPort =
        port.isEmpty()
            || (port.length() >= 2
                && port.length() <= 6
                && port.charAt(0) == ':'
                && port.chars().skip(1).allMatch(c -> c >= '0' && c <= '9'));
    return host.isEmpty() || !isPort ? null : host.toLowerCase(Locale.ROOT);
  }

  private static List<String> concat(List<String> left, List<String> right) {
    return Stream.concat(left.stream(), right.stream()).toList();
  }
}
