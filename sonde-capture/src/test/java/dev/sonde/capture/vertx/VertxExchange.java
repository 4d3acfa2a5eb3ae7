// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.netty.RequestBody;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import io.netty.buffer.Unpooled;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** One request of a router on streams, of which the body's and a flush may block. */
final class VertxExchange implements ContractExchange {
  private final RoutingContext routing;
  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Context context = requireNonNull(Vertx.currentContext());
  private final RequestBody body = new RequestBody();
  private final Collected collected = new Collected();

  /** Starts the rest of an asynchronous request, once this thread has let go of it. */
  private @Nullable Runnable later;

  /** To be made on the event loop, before anything of the body arrives. */
  VertxExchange(RoutingContext routing) {
    this.routing = routing;
    request = routing.request();
    response = routing.response();
    request.handler(part -> body.add(Unpooled.wrappedBuffer(part.getBytes())));
    request.endHandler(end -> body.end(null));
    request.exceptionHandler(failure -> body.end(new IOException(failure)));
  }

  /** Runs the application, on a thread that may block if the route does. */
  void serve(ContractRoute route, ContractApplication application) {
    finishing(exchange -> route.serve(application, exchange));
    if (later != null) {
      later.run();
    }
  }

  private void finishing(Task task) {
    try {
      task.run(this);
      if (later == null) {
        finish();
      }
    } catch (IOException | InterruptedException | RuntimeException e) {
      context.runOnContext(thread -> routing.fail(e));
    }
  }

  @Override
  public String path() {
    return requireNonNull(request.path());
  }

  @Override
  public @Nullable String query() {
    return request.query();
  }

  @Override
  public InputStream requestBody() {
    return body;
  }

  @Override
  public void respond(int status) {
    response.setStatusCode(status);
  }

  @Override
  public OutputStream respond(int status, String contentType, long contentLength) {
    response.setStatusCode(status).putHeader(HttpHeaders.CONTENT_TYPE, contentType);
    if (contentLength >= 0) {
      response.putHeader(HttpHeaders.CONTENT_LENGTH, Long.toString(contentLength));
    } else {
      response.setChunked(true);
    }
    return collected;
  }

  @Override
  public void async(Executor executor, Task task) {
    later =
        () ->
            executor.execute(
                () -> {
                  later = null;
                  finishing(task);
                });
  }

  private void finish() {
    Future<Void> unused = collected.size() == 0 ? response.end() : response.end(collected.take());
  }

  private static void await(Future<Void> future) throws IOException {
    try {
      future.toCompletionStage().toCompletableFuture().get();
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
  }

  /** Collects until it is flushed. */
  private final class Collected extends ByteArrayOutputStream {
    Buffer take() {
      Buffer taken = Buffer.buffer(toByteArray());
      reset();
      return taken;
    }

    @Override
    public void flush() throws IOException {
      if (size() > 0) {
        await(response.write(take()));
      }
    }
  }
}
