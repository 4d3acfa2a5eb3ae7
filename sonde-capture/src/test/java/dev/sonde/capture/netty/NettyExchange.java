// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** One request on blocking streams, answered in messages of HTTP. */
final class NettyExchange implements ContractExchange {
  private final HttpRequest head;
  private final Connection connection;
  private final RequestBody body = new RequestBody();
  private @Nullable HttpResponse response;
  private ByteBuf buffer = Unpooled.EMPTY_BUFFER;
  private boolean isCommitted;
  private boolean isAsync;

  NettyExchange(HttpRequest head, Connection connection) {
    this.head = head;
    this.connection = connection;
  }

  /** Where the bytes of the request's body are to be put. */
  RequestBody body() {
    return body;
  }

  /** Runs the application, on a thread that may block. */
  void serve(ContractApplication application) {
    ContractRoute route = ContractRoute.of(path());
    run(
        same -> {
          if (route == null) {
            respond(404);
          } else {
            route.serve(application, this);
          }
        });
  }

  private void run(Task task) {
    isAsync = false;
    boolean isEnded = true;
    try {
      task.run(this);
      if (isAsync) {
        isEnded = false;
      } else {
        finish();
      }
    } catch (IOException | InterruptedException | RuntimeException e) {
      fail(e);
    } finally {
      if (isEnded) {
        connection.ended();
      }
    }
  }

  @Override
  public String path() {
    int query = head.uri().indexOf('?');
    return query < 0 ? head.uri() : head.uri().substring(0, query);
  }

  @Override
  public @Nullable String query() {
    int query = head.uri().indexOf('?');
    return query < 0 ? null : head.uri().substring(query + 1);
  }

  @Override
  public InputStream requestBody() {
    return body;
  }

  @Override
  public void respond(int status) {
    HttpResponse made =
        new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status));
    // Without a length, Netty's keep-alive handler takes even a 304 for one that ends by a close.
    if (status != 204) {
      HttpUtil.setContentLength(made, 0);
    }
    response = made;
  }

  @Override
  public OutputStream respond(int status, String contentType, long contentLength) {
    HttpResponse made =
        new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status));
    made.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
    if (contentLength >= 0) {
      HttpUtil.setContentLength(made, contentLength);
    } else {
      HttpUtil.setTransferEncodingChunked(made, true);
    }
    response = made;
    buffer = Unpooled.buffer();
    return new Body();
  }

  @Override
  public void async(Executor executor, Task task) {
    isAsync = true;
    executor.execute(() -> run(task));
  }

  private void finish() throws IOException {
    HttpResponse made = response;
    if (made == null) {
      throw new IllegalStateException("not answered");
    }
    if (isCommitted) {
      write(LastHttpContent.EMPTY_LAST_CONTENT);
    } else {
      isCommitted = true;
      if (HttpUtil.isTransferEncodingChunked(made)) {
        HttpUtil.setTransferEncodingChunked(made, false);
        HttpUtil.setContentLength(made, buffer.readableBytes());
      }
      write(whole(made, buffer));
    }
  }

  private FullHttpResponse whole(HttpResponse made, ByteBuf content) {
    FullHttpResponse whole =
        new DefaultFullHttpResponse(made.protocolVersion(), made.status(), content);
    whole.headers().set(made.headers());
    keepAlive(whole);
    return whole;
  }

  private void keepAlive(HttpResponse made) {
    if (connection.isLast()) {
      HttpUtil.setKeepAlive(made, false);
    }
  }

  private void fail(Exception failure) {
    connection.failed(failure);
    if (isCommitted) {
      connection.abort();
      return;
    }
    buffer = Unpooled.EMPTY_BUFFER;
    respond(500);
    try {
      finish();
    } catch (IOException e) {
      // Nobody is there to be answered.
      connection.abort();
    }
  }

  private void write(HttpObject message) throws IOException {
    ChannelFuture written = connection.write(message);
    try {
      written.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
    if (!written.isSuccess()) {
      throw new IOException(written.cause());
    }
  }

  /** What the exchange needs of its connection. */
  interface Connection {
    /** Writes and flushes a message of the answer. */
    ChannelFuture write(HttpObject message);

    /** Whether the connection is to end with this request. */
    boolean isLast();

    /** The application failed. */
    void failed(Throwable thrown);

    /** The answer cannot be completed. */
    void abort();

    /** The application is done. */
    void ended();
  }

  /** Collects until it is flushed. */
  private final class Body extends OutputStream {
    @Override
    public void write(int b) {
      buffer.writeByte(b);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
      buffer.writeBytes(bytes, offset, length);
    }

    @Override
    public void flush() throws IOException {
      HttpResponse made = response;
      if (!isCommitted && made != null) {
        isCommitted = true;
        keepAlive(made);
        NettyExchange.this.write(made);
      }
      if (buffer.isReadable()) {
        ByteBuf full = buffer;
        buffer = Unpooled.buffer();
        NettyExchange.this.write(new DefaultHttpContent(full));
      }
    }
  }
}
