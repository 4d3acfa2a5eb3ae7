// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import dev.sonde.capture.netty.RequestBody;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.FluxSink;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;

/** One request on blocking streams. */
final class ReactorExchange implements ContractExchange {
  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
  private final Semaphore demand = new Semaphore(0);
  private volatile boolean isCancelled;
  private volatile @Nullable MonoSink<HttpServerResponse> head;
  private volatile @Nullable FluxSink<ByteBuf> body;
  private boolean isCommitted;
  private boolean isAsync;

  ReactorExchange(HttpServerRequest request, HttpServerResponse response) {
    this.request = request;
    this.response = response;
  }

  /** The thread of the connection or, on HTTP/2, of the stream. */
  Executor eventLoop() {
    return task -> request.withConnection(known -> known.channel().eventLoop().execute(task));
  }

  /**
   * Answers the request; the server subscribes once.
   *
   * @param executor that runs the handler, which blocks if it flushes or reads
   */
  Mono<Void> serve(ContractRoute route, ContractApplication application, Executor executor) {
    Flux<ByteBuf> stream =
        Flux.create(
            sink -> {
              body = sink;
              sink.onRequest(count -> demand.release((int) Math.min(count, 1 << 20)));
              sink.onCancel(this::cancelled);
            });
    return Mono.<HttpServerResponse>create(
            sink -> {
              head = sink;
              sink.onCancel(this::cancelled);
              executor.execute(() -> run(later -> route.serve(application, later), false));
            })
        .flatMap(
            committed ->
                isCommitted
                    ? committed.send(stream, each -> true).then()
                    : committed.send(wholeBody()).then());
  }

  @Override
  public String path() {
    return request.fullPath();
  }

  @Override
  public @Nullable String query() {
    int mark = request.uri().indexOf('?');
    return mark < 0 ? null : request.uri().substring(mark + 1);
  }

  @Override
  public InputStream requestBody() {
    RequestBody body = new RequestBody();
    Disposable unused =
        request
            .receive()
            .subscribe(
                body::add, failure -> body.end(new IOException(failure)), () -> body.end(null));
    return body;
  }

  @Override
  public void respond(int status) {
    response.status(status);
  }

  @Override
  public OutputStream respond(int status, String contentType, long contentLength) {
    response.status(status).header("Content-Type", contentType);
    if (contentLength >= 0) {
      response.header("Content-Length", Long.toString(contentLength));
    }
    return new Body();
  }

  @Override
  public void async(Executor executor, Task task) {
    isAsync = true;
    executor.execute(() -> run(task, true));
  }

  /**
   * @param isRest whether the task was handed to this thread, and so is the last
   */
  private void run(Task task, boolean isRest) {
    try {
      task.run(this);
      if (isRest || !isAsync) {
        finish();
      }
    } catch (IOException | InterruptedException | RuntimeException e) {
      SondeReactorNetty.failed(request, e);
      failed(e);
    }
  }

  private Mono<ByteBuf> wholeBody() {
    return buffer.size() == 0
        ? Mono.empty()
        : Mono.just(Unpooled.wrappedBuffer(buffer.toByteArray()));
  }

  private void finish() {
    if (isCommitted) {
      body().complete();
    } else {
      head().success(response);
    }
  }

  private void failed(Exception thrown) {
    if (isCommitted) {
      FluxSink<ByteBuf> known = body;
      if (known != null) {
        known.error(thrown);
      }
    } else {
      head().error(thrown);
    }
  }

  private void cancelled() {
    isCancelled = true;
    demand.release();
  }

  private MonoSink<HttpServerResponse> head() {
    MonoSink<HttpServerResponse> known = head;
    if (known == null) {
      throw new IllegalStateException("not subscribed");
    }
    return known;
  }

  private FluxSink<ByteBuf> body() {
    FluxSink<ByteBuf> known = body;
    if (known == null) {
      throw new IllegalStateException("not subscribed");
    }
    return known;
  }

  /** What the application writes; a flush hands it over and waits until it is asked for. */
  private final class Body extends OutputStream {
    @Override
    public void write(int value) {
      buffer.write(value);
    }

    @Override
    public void write(byte[] bytes, int offset, int count) {
      buffer.write(bytes, offset, count);
    }

    @Override
    public void flush() throws IOException {
      if (!isCommitted) {
        isCommitted = true;
        head().success(response);
      }
      try {
        demand.acquire();
      } catch (InterruptedException e) {
        throw new InterruptedIOException();
      }
      if (isCancelled) {
        demand.release();
        throw new IOException("the client is gone");
      }
      if (buffer.size() > 0) {
        body().next(Unpooled.wrappedBuffer(buffer.toByteArray()));
        buffer.reset();
      } else {
        demand.release();
      }
    }
  }
}
