// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.capture.reactor.SondeReactorNetty;
import jakarta.servlet.http.HttpServletRequest;
import org.springframework.core.Ordered;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpRequestDecorator;
import org.springframework.util.ClassUtils;
import org.springframework.web.ErrorResponse;
import org.springframework.web.reactive.HandlerMapping;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import org.springframework.web.util.pattern.PathPattern;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerRequest;

/** Tells the adapter of the server which route WebFlux chose, and what a handler failed with. */
final class FluxRoutes implements WebFilter, Ordered {
  private static final boolean HAS_SERVLETS = isPresent("jakarta.servlet.http.HttpServletRequest");
  private static final boolean HAS_NETTY = isPresent("reactor.netty.http.server.HttpServerRequest");

  private final String basePath;

  /** Routes are told with the path that all of them begin with. */
  FluxRoutes(String basePath) {
    this.basePath = basePath;
  }

  private static boolean isPresent(String name) {
    return ClassUtils.isPresent(name, FluxRoutes.class.getClassLoader());
  }

  @Override
  public int getOrder() {
    return HIGHEST_PRECEDENCE;
  }

  @Override
  public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
    exchange.getResponse().beforeCommit(() -> Mono.fromRunnable(() -> tellRoute(exchange)));
    return chain.filter(exchange).doOnError(thrown -> tellFailure(exchange, thrown));
  }

  private void tellRoute(ServerWebExchange exchange) {
    Object pattern = exchange.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE);
    if (pattern instanceof PathPattern matched) {
      String route = basePath + matched.getPatternString();
      Object request = nativeRequest(exchange);
      if (HAS_NETTY && Netty.isOne(request)) {
        Netty.route(request, route);
      } else if (HAS_SERVLETS) {
        Servlets.set(request, SondeJetty.ROUTE_ATTRIBUTE, route);
      }
    }
  }

  private static void tellFailure(ServerWebExchange exchange, Throwable thrown) {
    // What the framework refuses with a 4xx is no failure of the application.
    if (thrown instanceof ErrorResponse refusal && !refusal.getStatusCode().is5xxServerError()) {
      return;
    }
    Object request = nativeRequest(exchange);
    if (HAS_NETTY && Netty.isOne(request)) {
      Netty.failed(request, thrown);
    } else if (HAS_SERVLETS) {
      Servlets.set(request, SondeJetty.ERROR_ATTRIBUTE, thrown);
    }
  }

  private static Object nativeRequest(ServerWebExchange exchange) {
    ServerHttpRequest request = exchange.getRequest();
    return ServerHttpRequestDecorator.getNativeRequest(request);
  }

  /** Apart, so that it is linked only where Reactor Netty is present. */
  private static final class Netty {
    private Netty() {}

    static boolean isOne(Object request) {
      return request instanceof HttpServerRequest;
    }

    static void route(Object request, String template) {
      SondeReactorNetty.route((HttpServerRequest) request, template);
    }

    static void failed(Object request, Throwable thrown) {
      SondeReactorNetty.failed((HttpServerRequest) request, thrown);
    }
  }

  /** Apart, so that it is linked only where servlets are present. */
  private static final class Servlets {
    private Servlets() {}

    static void set(Object request, String attribute, Object value) {
      if (request instanceof HttpServletRequest servlet) {
        servlet.setAttribute(attribute, value);
      }
    }
  }
}
