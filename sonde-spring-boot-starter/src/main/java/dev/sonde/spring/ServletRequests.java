// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.event.Outcome;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;

/**
 * Reports the requests of a server that no adapter watches: one of another make, or one that was
 * there before the application, such as a container that runs a WAR.
 *
 * <p>A filter sees neither connections nor what happens to a response after the application: a
 * client that leaves shows only where writing to it fails.
 */
final class ServletRequests implements Filter, Ordered {
  private static final int SERVER_ERROR = 500;

  private final Sonde sonde;

  ServletRequests(Sonde sonde) {
    this.sonde = sonde;
  }

  @Override
  public int getOrder() {
    return HIGHEST_PRECEDENCE;
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    if (!sonde.isEnabled()
        || TraceContext.currentWork() instanceof Exchange
        || !(request instanceof HttpServletRequest head)
        || !(response instanceof HttpServletResponse answer)) {
      chain.doFilter(request, response);
      return;
    }
    sonde.hooked("servlet filter");
    Watch watch = new Watch(head, answer);
    Throwable thrown = null;
    try (TraceContext.Scope ignored = TraceContext.use(watch.span)) {
      chain.doFilter(request, response);
    } catch (Throwable t) {
      thrown = t;
      throw t;
    } finally {
      if (thrown == null && request.isAsyncStarted()) {
        request.getAsyncContext().addListener(watch);
      } else {
        watch.end(thrown);
      }
    }
  }

  /** One request. */
  private final class Watch implements AsyncListener {
    final Span span;
    private final long startNanos = System.nanoTime();
    private final HttpServletRequest request;
    private final HttpServletResponse response;

    Watch(HttpServletRequest request, HttpServletResponse response) {
      this.request = request;
      this.response = response;
      Span caller =
          Span.fromTraceparent(request.getHeader("traceparent"), request.getHeader("tracestate"));
      span = caller == null ? Span.root() : caller.child();
    }

    void end(@Nullable Throwable thrown) {
      boolean isCommitted = response.isCommitted();
      int status = thrown == null || isCommitted ? response.getStatus() : SERVER_ERROR;
      try (TraceContext.Scope ignored = TraceContext.use(span)) {
        sonde
            .emitter()
            .request(
                request.getMethod(),
                request.getAttribute(SondeJetty.ROUTE_ATTRIBUTE) instanceof String route
                    ? route
                    : null,
                request.getRequestURI(),
                status,
                thrown != null && isCommitted ? Outcome.APP_ERROR : Outcome.COMPLETED,
                System.nanoTime() - startNanos,
                Math.max(0, request.getContentLengthLong()),
                length(response.getHeader("Content-Length")),
                status < SERVER_ERROR ? null : error(thrown));
      }
    }

    private @Nullable Throwable error(@Nullable Throwable thrown) {
      if (request.getAttribute(SondeJetty.ERROR_ATTRIBUTE) instanceof Throwable named) {
        return named;
      }
      return request.getAttribute(RequestDispatcher.ERROR_EXCEPTION) instanceof Throwable told
          ? told
          : thrown;
    }

    @Override
    public void onComplete(AsyncEvent event) {
      end(event.getThrowable());
    }

    @Override
    public void onTimeout(AsyncEvent event) {}

    @Override
    public void onError(AsyncEvent event) {}

    @Override
    public void onStartAsync(AsyncEvent event) {
      event.getAsyncContext().addListener(this);
    }
  }

  private static long length(@Nullable String header) {
    try {
      return header == null ? 0 : Long.parseLong(header);
    } catch (NumberFormatException e) {
      return 0; // the application's own slip
    }
  }
}
