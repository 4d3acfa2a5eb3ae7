// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.ClosedChannelException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One request and its response, with an eye on the bytes of their bodies. */
final class ObservedRequest {
  private static final long UNLIMITED = -1;

  private final ObservedConnection connection;
  private final Exchange exchange;
  private final String context;
  private final boolean isHead;

  /** Body bytes that the request announces, or {@link #UNLIMITED}. */
  private final long requestLength;

  /** Whether the request asks for the end of the connection, which the server then brings. */
  private final boolean isLast;

  private volatile @Nullable String route;
  private int status;

  /** Body bytes that the response must have, or {@link #UNLIMITED}. */
  private long length;

  private long bodyBytes;
  private boolean isLastResponse;

  /** Of the end and the return of the handler, one has been. */
  private boolean isHalfLeft;

  /** What reading the body failed with. */
  private @Nullable Throwable readFailure;

  /** Set before the last write, so that all above is visible to who completes it. */
  private volatile boolean isFinishing;

  ObservedRequest(ObservedConnection connection, Exchange exchange, HttpExchange server) {
    this.connection = connection;
    this.exchange = exchange;
    context = server.getHttpContext().getPath();
    isHead = server.getRequestMethod().equals("HEAD");
    String keep = null;
    String traceparent = null;
    String tracestate = null;
    String length = null;
    boolean isChunked = false;
    // One pass over names that the server has normalized: a lookup normalizes its own each time.
    for (Map.Entry<String, List<String>> header : server.getRequestHeaders().entrySet()) {
      String value = header.getValue().get(0);
      switch (header.getKey()) {
        case "Connection" -> keep = value;
        case "Content-length" -> length = value;
        case "Transfer-encoding" -> isChunked = true;
        case "Traceparent" -> traceparent = value;
        case "Tracestate" -> tracestate = value;
        default -> {}
      }
    }
    long announced = length == null ? 0 : Long.parseLong(length.strip());
    requestLength = isChunked ? UNLIMITED : announced;
    isLast =
        "close".equalsIgnoreCase(keep)
            || (keep == null && "HTTP/1.0".equalsIgnoreCase(server.getProtocol()));
    if (traceparent != null) {
      exchange.trace(traceparent, tracestate);
    }
    server.setStreams(
        new Body(server.getRequestBody(), requestLength), new Response(server.getResponseBody()));
  }

  Exchange exchange() {
    return exchange;
  }

  void route(String template) {
    route = template;
  }

  boolean isFinishing() {
    return isFinishing;
  }

  boolean closesConnection() {
    return isLast || isLastResponse;
  }

  /** Sends the head, and the whole response if it has no body. */
  void sendHead(HttpExchange server, int code, long responseLength) throws IOException {
    if (status != 0) {
      server.sendResponseHeaders(code, responseLength);
      return;
    }
    boolean hasBody = !isHead && responseLength != -1 && code >= 200 && code != 204 && code != 304;
    // A length of 0 announces a body of unknown length, which ends with the connection on HTTP/1.0.
    length = hasBody ? (responseLength == 0 ? UNLIMITED : responseLength) : 0;
    status = code;
    try {
      readHead(server.getResponseHeaders());
      isLastResponse |= length == UNLIMITED && "HTTP/1.0".equalsIgnoreCase(server.getProtocol());
      if (!hasBody) {
        exchange.committedWithEnd(code);
        isFinishing = true;
      }
    } catch (Throwable t) {
      connection.fault(t);
    }
    try {
      server.sendResponseHeaders(code, responseLength);
    } catch (IOException e) {
      broken(e);
      throw e;
    } catch (RuntimeException e) {
      // Refused, and nothing sent: the handler may try again.
      status = 0;
      isFinishing = false;
      throw e;
    }
    if (hasBody) {
      connection.committed(this, code);
    } else {
      connection.complete(this, System.nanoTime());
    }
  }

  private void readHead(Headers headers) {
    boolean asksToClose = false;
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      List<String> values = header.getValue();
      switch (header.getKey()) {
        case "Connection" -> asksToClose = values.stream().anyMatch("close"::equalsIgnoreCase);
        case "Content-type" -> exchange.contentType(values.isEmpty() ? null : values.get(0));
        default -> {}
      }
    }
    isLastResponse = asksToClose;
  }

  /** Closes the exchange; without a head that drops the connection. */
  void close(HttpExchange server) {
    server.close();
    if (status == 0) {
      connection.abort(this, AbortKind.SERVER_RESET, Initiator.LOCAL, null);
    }
  }

  /** The handler threw, upon which the server drops the connection. */
  void thrown(Throwable thrown) {
    failed(thrown);
    if (thrown == readFailure) {
      connection.abort(this, AbortKind.READ_EOF, Initiator.REMOTE, thrown);
    } else {
      connection.abort(this, AbortKind.HANDLER_FAILED, Initiator.LOCAL, thrown);
    }
  }

  /** The application failed; it may go on and answer. */
  void failed(Throwable thrown) {
    connection.failed(this, thrown);
  }

  /**
   * Called by the connection at the end and when the handler has returned; returns whether nothing
   * touches the exchange any more. A body may still be read when the response is out.
   */
  boolean partEnds() {
    boolean isSecond = isHalfLeft;
    isHalfLeft = true;
    return isSecond && requestLength == 0;
  }

  /** The handler has returned; its exchange may still be answered. */
  void handled() {
    connection.handled(this);
  }

  /** Called by the connection, once at most. */
  void complete(long nanos) {
    tellRoute();
    exchange.completed(status, bodyBytes, nanos);
  }

  /** Called by the connection, once at most. */
  void abort(AbortKind kind, @Nullable Throwable cause) {
    tellRoute();
    exchange.aborted(kind, cause, bodyBytes, System.nanoTime());
  }

  private void tellRoute() {
    String named = route;
    if (named != null) {
      exchange.route(named);
    } else if (!context.equals("/") || status != 404) {
      exchange.route(context);
    }
  }

  /** Bytes of the response could not be written. */
  private void broken(IOException failure) {
    if (failure instanceof ClosedChannelException) {
      connection.abort(this, AbortKind.SERVER_RESET, Initiator.LOCAL, failure);
    } else {
      connection.abort(this, AbortKind.WRITE_FAILED, Initiator.REMOTE, failure);
    }
  }

  /** Counts what the application reads. */
  private final class Body extends FilterInputStream {
    private long left;
    private boolean isClosed;

    Body(InputStream in, long length) {
      super(in);
      left = length;
    }

    @Override
    public int read() throws IOException {
      try {
        int read = in.read();
        received(read < 0 ? -1 : 1);
        return read;
      } catch (IOException e) {
        failed(e);
        throw e;
      }
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      try {
        int count = in.read(bytes, offset, length);
        received(count);
        return count;
      } catch (IOException e) {
        failed(e);
        throw e;
      }
    }

    @Override
    public long skip(long count) throws IOException {
      long skipped = in.skip(count);
      received(skipped);
      return skipped;
    }

    @Override
    public void close() throws IOException {
      isClosed = true;
      in.close();
    }

    private void received(long count) {
      if (count > 0) {
        left -= left > 0 ? count : 0;
        try {
          exchange.bytesIn(count);
        } catch (Throwable t) {
          connection.fault(t);
        }
      } else if (count < 0 && left > 0) {
        connection.abort(ObservedRequest.this, AbortKind.READ_EOF, Initiator.REMOTE, null);
      }
    }

    private void failed(IOException failure) {
      // What is read after the close fails by the application's doing.
      if (!isClosed) {
        readFailure = failure;
      }
    }
  }

  /** Counts what the application writes, and sees the end. */
  private final class Response extends FilterOutputStream {
    private boolean isClosed;

    Response(OutputStream out) {
      super(out);
    }

    @Override
    public void write(int value) throws IOException {
      boolean isDue = isDue(1);
      try {
        out.write(value);
      } catch (IOException e) {
        failed(isDue, e);
        throw e;
      }
      written(1);
    }

    @Override
    public void write(byte[] bytes, int offset, int count) throws IOException {
      boolean isDue = isDue(count);
      long begin = System.nanoTime();
      try {
        out.write(bytes, offset, count);
      } catch (IOException e) {
        connection.wrote(ObservedRequest.this, begin, System.nanoTime());
        failed(isDue, e);
        throw e;
      }
      connection.wrote(ObservedRequest.this, begin, System.nanoTime());
      written(count);
    }

    @Override
    public void flush() throws IOException {
      long begin = System.nanoTime();
      try {
        out.flush();
        connection.wrote(ObservedRequest.this, begin, System.nanoTime());
      } catch (IOException e) {
        connection.wrote(ObservedRequest.this, begin, System.nanoTime());
        failed(isDue(0), e);
        throw e;
      }
    }

    @Override
    public void close() throws IOException {
      if (isClosed || status == 0) {
        out.close();
        return;
      }
      isClosed = true;
      if (bodyBytes < length) {
        // The server drops the connection, and throws.
        connection.abort(ObservedRequest.this, AbortKind.SERVER_RESET, Initiator.LOCAL, null);
        out.close();
        return;
      }
      isFinishing = true;
      long begin = System.nanoTime();
      try {
        out.close();
      } catch (IOException e) {
        connection.wrote(ObservedRequest.this, begin, System.nanoTime());
        broken(e);
        throw e;
      }
      long end = System.nanoTime();
      connection.wrote(ObservedRequest.this, begin, end);
      connection.complete(ObservedRequest.this, end);
    }

    /**
     * Whether the server must take so many bytes more: otherwise its refusal is no broken write.
     */
    private boolean isDue(int count) {
      return status != 0 && !isClosed && (length == UNLIMITED || bodyBytes + count <= length);
    }

    private void failed(boolean isDue, IOException failure) {
      if (isDue) {
        broken(failure);
      }
    }

    private void written(int count) {
      // The server takes an empty write after the end, too, when the exchange may be the next one.
      if (count > 0 && !isClosed) {
        bodyBytes += count;
        try {
          exchange.sent(bodyBytes);
        } catch (Throwable t) {
          connection.fault(t);
        }
      }
    }
  }
}
