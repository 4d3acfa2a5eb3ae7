// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.capture.jetty.SondeJetty;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.servlet.ModelAndView;

/**
 * Tells what a handler threw, and resolves nothing.
 *
 * <p>The server sees it wrapped, or not at all if the application answers it itself.
 */
final class MvcFailures implements HandlerExceptionResolver, Ordered {
  @Override
  public int getOrder() {
    return HIGHEST_PRECEDENCE;
  }

  @Override
  public @Nullable ModelAndView resolveException(
      HttpServletRequest request,
      HttpServletResponse response,
      @Nullable Object handler,
      Exception thrown) {
    request.setAttribute(SondeJetty.ERROR_ATTRIBUTE, thrown);
    return null;
  }
}
