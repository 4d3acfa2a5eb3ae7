// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.capture.Exchange;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServletMapping;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.MappingMatch;
import org.jspecify.annotations.Nullable;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.HandlerMapping;

/**
 * Tells the adapter of the server which route Spring MVC chose, and what a handler threw.
 *
 * <p>The route only of the first dispatch: that of an error goes to a route of its own, which
 * overwrites what Spring says of the request.
 */
final class MvcRoutes implements HandlerInterceptor {
  private static final int SERVER_ERROR = 500;

  @Override
  public boolean preHandle(
      HttpServletRequest request, HttpServletResponse response, Object handler) {
    if (request.getDispatcherType() == DispatcherType.REQUEST
        && request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE)
            instanceof String pattern) {
      request.setAttribute(SondeJetty.ROUTE_ATTRIBUTE, template(request, pattern));
    }
    return true;
  }

  @Override
  public void afterCompletion(
      HttpServletRequest request,
      HttpServletResponse response,
      Object handler,
      @Nullable Exception unhandled) {
    // Told before the server sees it, which gets it wrapped and keeps what it is told first.
    if ((unhandled != null || response.getStatus() >= SERVER_ERROR)
        && request.getAttribute(SondeJetty.ERROR_ATTRIBUTE) instanceof Throwable thrown
        && TraceContext.currentWork() instanceof Exchange exchange) {
      exchange.failed(thrown);
    }
  }

  private static String template(HttpServletRequest request, String pattern) {
    HttpServletMapping mapping = request.getHttpServletMapping();
    String servlet = mapping.getMappingMatch() == MappingMatch.PATH ? request.getServletPath() : "";
    String context = request.getContextPath();
    return servlet.isEmpty() && context.isEmpty() ? pattern : context + servlet + pattern;
  }
}
