// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import io.helidon.http.HeaderNames;
import io.helidon.http.Method;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * A route of the contract's application.
 *
 * @param route which one
 */
record ContractHandler(ContractRoute route, ContractApplication application) implements Handler {
  @Override
  public void handle(ServerRequest request, ServerResponse response) throws Exception {
    HelidonExchange exchange = new HelidonExchange(request, response);
    route.serve(application, exchange);
    exchange.awaitAsync();
    if (exchange.body != null) {
      exchange.body.close();
    }
  }

  private static final class HelidonExchange implements ContractExchange {
    private final ServerRequest request;
    private final ServerResponse response;
    private @Nullable OutputStream body;
    private @Nullable CompletableFuture<Void> async;

    HelidonExchange(ServerRequest request, ServerResponse response) {
      this.request = request;
      this.response = response;
    }

    @Override
    public String path() {
      return request.path().path();
    }

    @Override
    public @Nullable String query() {
      String query = request.query().rawValue();
      return query.isEmpty() ? null : query;
    }

    @Override
    public InputStream requestBody() {
      return request.content().hasEntity()
          ? request.content().inputStream()
          : InputStream.nullInputStream();
    }

    @Override
    public void respond(int status) {
      response.status(status).send();
    }

    @Override
    public OutputStream respond(int status, String contentType, long contentLength) {
      response.status(status).header(HeaderNames.CONTENT_TYPE, contentType);
      if (contentLength >= 0) {
        response.header(HeaderNames.CONTENT_LENGTH, Long.toString(contentLength));
      }
      if (request.prologue().method().equals(Method.HEAD)) {
        response.send();
        return OutputStream.nullOutputStream();
      }
      body = response.outputStream();
      return body;
    }

    /** Helidon has no asynchronous requests: its thread waits, as its virtual threads may. */
    @Override
    public void async(Executor executor, Task task) {
      async =
          CompletableFuture.runAsync(
              () -> {
                try {
                  task.run(this);
                } catch (IOException | InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              },
              executor);
    }

    void awaitAsync() throws Exception {
      if (async == null) {
        return;
      }
      try {
        async.get();
      } catch (ExecutionException e) {
        throw e.getCause() instanceof Exception cause ? cause : e;
      }
    }
  }
}
