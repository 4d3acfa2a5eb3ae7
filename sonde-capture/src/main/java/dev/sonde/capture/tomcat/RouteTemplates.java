// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import jakarta.servlet.http.MappingMatch;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Request;
import org.apache.catalina.mapper.MappingData;
import org.apache.tomcat.util.buf.MessageBytes;
import org.jspecify.annotations.Nullable;

/**
 * Route templates of servlet mappings; keeps the last one, so that it is made anew only for a
 * request that matched another.
 */
final class RouteTemplates {
  private @Nullable Wrapper lastWrapper;
  private @Nullable MappingMatch lastMatch;
  private String lastPath = "";
  private @Nullable String lastTemplate;

  /** The template that the request matched, or null if nothing but the default did not find it. */
  @Nullable String of(Request request) {
    MappingData mapping = request.getMappingData();
    Wrapper wrapper = mapping.wrapper;
    MappingMatch match = mapping.matchType;
    if (wrapper == null
        || match == null
        || (match == MappingMatch.DEFAULT && request.getResponse().getStatus() == 404)) {
      return null;
    }
    MessageBytes path = mapping.wrapperPath;
    boolean isSame =
        wrapper == lastWrapper
            && match == lastMatch
            && (match == MappingMatch.DEFAULT || path.equals(lastPath));
    if (!isSame) {
      lastWrapper = wrapper;
      lastMatch = match;
      lastPath = path.isNull() ? "" : path.toString();
      lastTemplate = request.getContext().getPath() + patternOf(match, lastPath);
    }
    return lastTemplate;
  }

  private static String patternOf(MappingMatch match, String path) {
    return switch (match) {
      case EXACT -> path;
      case PATH -> path + "/*";
      case EXTENSION -> "*" + path.substring(path.lastIndexOf('.'));
      // The empty pattern matches the context's root alone (Jakarta Servlet 6.0, section 12.2).
      case CONTEXT_ROOT, DEFAULT -> "/";
    };
  }
}
