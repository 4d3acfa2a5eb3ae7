// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;

/** A route of the contract's application, on blocking streams. */
final class ContractHandler implements HttpHandler {
  private final ContractRoute route;
  private final ContractApplication application;

  ContractHandler(ContractRoute route, ContractApplication application) {
    this.route = route;
    this.application = application;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws IOException, InterruptedException {
    try {
      route.serve(application, new BlockingExchange(exchange));
    } catch (RuntimeException e) {
      cut(exchange);
      throw e;
    }
  }

  /** Undertow ends a response as if it were whole, whatever its handler throws. */
  private static void cut(HttpServerExchange exchange) {
    if (exchange.isResponseStarted()) {
      IoUtils.safeClose(exchange.getConnection());
    }
  }

  private record BlockingExchange(HttpServerExchange exchange) implements ContractExchange {
    @Override
    public String path() {
      return exchange.getRequestPath();
    }

    @Override
    public @Nullable String query() {
      String query = exchange.getQueryString();
      return query.isEmpty() ? null : query;
    }

    @Override
    public InputStream requestBody() {
      return exchange.getInputStream();
    }

    @Override
    public void respond(int status) {
      exchange.setStatusCode(status);
    }

    @Override
    public OutputStream respond(int status, String contentType, long contentLength) {
      exchange.setStatusCode(status);
      exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, contentType);
      if (contentLength >= 0) {
        exchange.setResponseContentLength(contentLength);
      }
      return exchange.getOutputStream();
    }

    @Override
    public void async(Executor executor, Task task) {
      exchange.dispatch(
          executor,
          () -> {
            try {
              task.run(this);
            } catch (IOException | InterruptedException | RuntimeException e) {
              if (exchange.isResponseStarted()) {
                IoUtils.safeClose(exchange.getConnection());
              } else {
                exchange.setStatusCode(500);
              }
            }
            exchange.endExchange();
          });
    }
  }
}
