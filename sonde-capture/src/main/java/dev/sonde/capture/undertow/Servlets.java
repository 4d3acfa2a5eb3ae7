// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import io.undertow.server.HttpServerExchange;
import io.undertow.servlet.handlers.ServletPathMatch;
import io.undertow.servlet.handlers.ServletRequestContext;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.http.MappingMatch;
import org.jspecify.annotations.Nullable;

/** What servlets know of a request, where Undertow's servlets are present. */
final class Servlets {
  private static final boolean IS_PRESENT = isPresent();

  private Servlets() {}

  /** The route that a servlet has named or was mapped to, or null. */
  static @Nullable String route(HttpServerExchange exchange) {
    return IS_PRESENT ? Present.route(exchange) : null;
  }

  /** What a servlet has thrown, or null. */
  static @Nullable Throwable failure(HttpServerExchange exchange) {
    return IS_PRESENT ? Present.failure(exchange) : null;
  }

  private static boolean isPresent() {
    try {
      return Present.isLoaded();
    } catch (LinkageError e) {
      return false;
    }
  }

  /** Apart, so that nothing of it is linked where servlets are missing. */
  private static final class Present {
    /** Where Spring MVC leaves the pattern of the handler that it chose. */
    private static final String SPRING_ROUTE =
        "org.springframework.web.servlet.HandlerMapping.bestMatchingPattern";

    private Present() {}

    static boolean isLoaded() {
      return !ServletRequestContext.class.getName().isEmpty();
    }

    static @Nullable String route(HttpServerExchange exchange) {
      ServletRequestContext context = exchange.getAttachment(ServletRequestContext.ATTACHMENT_KEY);
      if (context == null) {
        return null;
      }
      ServletRequest request = context.getServletRequest();
      if (request.getAttribute(SondeUndertow.ROUTE_ATTRIBUTE) instanceof String named) {
        return named;
      }
      if (request.getAttribute(SPRING_ROUTE) instanceof String matched) {
        return matched;
      }
      ServletPathMatch match = context.getOriginalServletPathMatch();
      return match == null ? null : templateOf(context, match, exchange.getStatusCode());
    }

    static @Nullable Throwable failure(HttpServerExchange exchange) {
      ServletRequestContext context = exchange.getAttachment(ServletRequestContext.ATTACHMENT_KEY);
      return context != null
              && context.getServletRequest().getAttribute(RequestDispatcher.ERROR_EXCEPTION)
                  instanceof Throwable thrown
          ? thrown
          : null;
    }

    private static @Nullable String templateOf(
        ServletRequestContext context, ServletPathMatch match, int status) {
      @Nullable MappingMatch mapping = match.getMappingMatch();
      if (mapping == null || (mapping == MappingMatch.DEFAULT && status == 404)) {
        return null;
      }
      String pattern =
          switch (mapping) {
            case EXACT, PATH, EXTENSION -> match.getMatchString();
            // The empty pattern matches the context's root alone (Servlet 6.0, section 12.2).
            case CONTEXT_ROOT, DEFAULT -> "/";
          };
      return context.getDeployment().getServletContext().getContextPath() + pattern;
    }
  }
}
