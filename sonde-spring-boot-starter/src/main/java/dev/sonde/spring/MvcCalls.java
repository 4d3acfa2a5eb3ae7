// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.context.request.RequestAttributes;
import org.springframework.web.context.request.async.CallableProcessingInterceptor;

/** Carries the request's span to the thread on which Spring MVC calls what a handler returned. */
final class MvcCalls implements CallableProcessingInterceptor {
  private static final String SPAN = "dev.sonde.spring.span";
  private static final String USE = "dev.sonde.spring.use";

  @Override
  public <T> void beforeConcurrentHandling(NativeWebRequest request, Callable<T> task) {
    Span span = TraceContext.current();
    if (span != null) {
      request.setAttribute(SPAN, span, RequestAttributes.SCOPE_REQUEST);
    }
  }

  @Override
  public <T> void preProcess(NativeWebRequest request, Callable<T> task) {
    if (request.getAttribute(SPAN, RequestAttributes.SCOPE_REQUEST) instanceof Span span) {
      TraceContext.Scope use = TraceContext.use(span);
      request.setAttribute(USE, use, RequestAttributes.SCOPE_REQUEST);
    }
  }

  @Override
  public <T> void postProcess(NativeWebRequest request, Callable<T> task, @Nullable Object result) {
    if (request.getAttribute(USE, RequestAttributes.SCOPE_REQUEST)
        instanceof TraceContext.Scope use) {
      use.close();
    }
  }
}
