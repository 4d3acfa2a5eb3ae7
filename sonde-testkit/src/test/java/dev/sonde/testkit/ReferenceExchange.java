// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Exchange;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One request of a {@link ReferenceConnection}. */
final class ReferenceExchange implements ContractExchange {
  private static final Pattern LENGTH = Pattern.compile("content-length: (\\d{1,18})\\s");
  private static final int BUFFER_BYTES = 8192;

  private final String method;
  private final String path;
  private final @Nullable String query;
  private final String headers;
  private final InputStream in;
  private final OutputStream out;
  private final @Nullable Exchange seen;
  private final Body body = new Body();
  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
  private final StringBuilder head = new StringBuilder();
  private long unread;
  private int status = 404;
  private boolean isChunked;
  private boolean isCommitted;
  private long bytesSent;
  private @Nullable IOException broken;
  private @Nullable CompletableFuture<Void> later;

  ReferenceExchange(
      String method,
      String path,
      @Nullable String query,
      String headers,
      InputStream in,
      OutputStream out,
      @Nullable Exchange seen) {
    this.method = method;
    this.path = path;
    this.query = query;
    this.headers = headers;
    this.in = in;
    this.out = out;
    this.seen = seen;
    Matcher length = LENGTH.matcher(headers);
    unread = length.find() ? Long.parseLong(length.group(1)) : 0;
  }

  @Override
  public String path() {
    return path;
  }

  @Override
  public @Nullable String query() {
    return query;
  }

  @Override
  public InputStream requestBody() throws IOException {
    if (headers.contains("expect: 100-continue")) {
      out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(ISO_8859_1));
    }
    return body;
  }

  @Override
  public void respond(int status) {
    this.status = status;
  }

  @Override
  public OutputStream respond(int status, String contentType, long contentLength) {
    this.status = status;
    isChunked = contentLength < 0;
    head.append("Content-Type: ").append(contentType).append("\r\n");
    if (seen != null) {
      seen.contentType(contentType);
    }
    head.append(isChunked ? "Transfer-Encoding: chunked" : "Content-Length: " + contentLength);
    head.append("\r\n");
    return new Response();
  }

  @Override
  public void async(Executor executor, Task task) {
    later =
        CompletableFuture.runAsync(
            () -> {
              try {
                task.run(this);
              } catch (IOException | InterruptedException e) {
                throw new CompletionException(e);
              }
            },
            executor);
  }

  /** Lets the application answer; returns whether the response went out as a whole. */
  boolean serve(ContractApplication application, boolean isLast) throws IOException {
    if (isLast) {
      head.append("Connection: close\r\n");
    }
    ContractRoute route = ContractRoute.of(path);
    try {
      handle(route, application);
      finish();
    } catch (IOException | InterruptedException | RuntimeException e) {
      if (broken == null && isCommitted) {
        abort(AbortKind.HANDLER_FAILED, e);
        return false;
      }
      if (broken != null) {
        abort(broken instanceof EOFException ? AbortKind.READ_EOF : AbortKind.WRITE_FAILED, broken);
        throw new EOFException();
      }
      fail(e);
    }
    if (seen != null) {
      seen.route(route == null ? null : route.template());
      seen.completed(status, bytesSent, System.nanoTime());
    }
    in.skipNBytes(unread);
    return true;
  }

  private void handle(@Nullable ContractRoute route, ContractApplication application)
      throws IOException, InterruptedException {
    if (route == null || route == ContractRoute.WEBSOCKET) {
      head.append("Content-Length: 0\r\n");
      return;
    }
    route.serve(application, this);
    if (later != null) {
      try {
        later.join();
      } catch (CompletionException e) {
        throw new IOException(e);
      }
    }
  }

  /** Answers 500 for an application that failed in time. */
  private void fail(Exception failure) throws IOException {
    if (seen != null) {
      seen.failed(failure);
    }
    status = 500;
    buffer.reset();
    head.append("Content-Length: 0\r\n");
    finish();
  }

  private void finish() throws IOException {
    send();
    if (isChunked && hasBody()) {
      write("0\r\n\r\n".getBytes(ISO_8859_1));
    }
  }

  private void abort(AbortKind kind, Throwable cause) {
    if (seen != null) {
      seen.aborted(kind, cause, bytesSent, System.nanoTime());
    }
  }

  private boolean hasBody() {
    return !method.equals("HEAD") && status != 204 && status != 304;
  }

  private void send() throws IOException {
    if (!isCommitted) {
      isCommitted = true;
      write(("HTTP/1.1 " + status + " Status\r\n" + head + "\r\n").getBytes(ISO_8859_1));
      if (seen != null) {
        seen.committed(status, System.nanoTime());
      }
    }
    byte[] bytes = buffer.toByteArray();
    buffer.reset();
    if (bytes.length > 0 && hasBody()) {
      if (isChunked) {
        write((Integer.toHexString(bytes.length) + "\r\n").getBytes(ISO_8859_1));
      }
      write(bytes);
      bytesSent += bytes.length;
      if (isChunked) {
        write("\r\n".getBytes(ISO_8859_1));
      }
    }
  }

  private void write(byte[] bytes) throws IOException {
    try {
      out.write(bytes);
    } catch (IOException e) {
      broken = e;
      throw e;
    }
  }

  /** What the client sent behind the head. */
  private final class Body extends InputStream {
    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (unread == 0) {
        return -1;
      }
      int n = in.read(bytes, offset, (int) Math.min(length, unread));
      if (n < 0) {
        EOFException end = new EOFException("the client left in its request");
        broken = end;
        throw end;
      }
      unread -= n;
      return n;
    }
  }

  /** Where the application writes. */
  private final class Response extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      buffer.write(b);
      if (buffer.size() >= BUFFER_BYTES) {
        send();
      }
    }

    @Override
    public void flush() throws IOException {
      send();
    }
  }
}
