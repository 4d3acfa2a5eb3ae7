// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.util.AsciiString;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * One request of HTTP/1, and what waits for the last write of its answer; used again for the next.
 */
final class Http1Request extends ServedRequest implements ChannelFutureListener {
  // As Netty has its own names: the hash of a string would be computed anew for each lookup.
  static final AsciiString TRACEPARENT = AsciiString.cached("traceparent");
  static final AsciiString TRACESTATE = AsciiString.cached("tracestate");

  private final Http1Tap tap;
  private final ObservedChannel connection;

  /** Null of a head that could not be parsed. */
  private @Nullable Exchange exchange;

  private boolean isHead;
  private boolean hasBody;
  private int status;
  private @Nullable Protocol upgrade;
  private long bodyBytes;
  private long lastBytes;
  private @Nullable ChannelFuture last;
  private boolean isListening;
  private int partsInFlight;

  Http1Request(Http1Tap tap, ObservedChannel connection) {
    this.tap = tap;
    this.connection = connection;
  }

  @Override
  @Nullable Exchange exchange() {
    return exchange;
  }

  void begin(HttpRequest head) {
    ConnectionState state = connection.state();
    Exchange begun =
        state.begin(
            connection.workerId(),
            0,
            head.method().name(),
            head.uri(),
            head.protocolVersion().text(),
            System.nanoTime());
    String traceparent = head.headers().get(TRACEPARENT);
    if (traceparent != null) {
      begun.trace(traceparent, head.headers().get(TRACESTATE));
    }
    if (connection.isServed()) {
      renew();
      begun.attach(this);
    }
    exchange = begun;
    isHead = HttpMethod.HEAD.equals(head.method());
    reset();
  }

  void beginMalformed() {
    exchange = null;
    isHead = false;
    reset();
  }

  private void reset() {
    status = 0;
    upgrade = null;
    bodyBytes = 0;
    lastBytes = 0;
  }

  /**
   * Its answer begins.
   *
   * @param contentType of its body, or null
   * @param isWhole whether it ends by the same write
   * @param upgrade the protocol in which the connection is to go on, or null
   */
  void answered(
      int status, @Nullable String contentType, boolean isWhole, @Nullable Protocol upgrade) {
    this.status = status;
    this.upgrade = upgrade;
    hasBody = !isHead && hasBody(status);
    if (exchange != null) {
      exchange.contentType(contentType);
      if (isWhole) {
        exchange.committedWithEnd(status);
      } else {
        exchange.committed(status, System.nanoTime());
      }
    }
  }

  /** Nothing to add: the messages that the codec writes show it. */
  @Override
  public boolean answered(int status) {
    return false;
  }

  @Override
  public void ended(int status) {
    next(tap.firstWaiting());
  }

  /** Bytes of its body went out. */
  void sent(long bytes) {
    if (hasBody) {
      bodyBytes += bytes;
      if (exchange != null) {
        exchange.sent(bodyBytes);
      }
    }
  }

  void partBegun() {
    partsInFlight++;
  }

  void partEnded() {
    partsInFlight--;
  }

  /** The last of its answer is being written, with so many bytes of its body. */
  void ends(int bytes, ChannelFuture written) {
    lastBytes = bytes;
    last = written;
    isListening = false;
  }

  /** Has itself told when the last of its answer is written. */
  void listen() {
    ChannelFuture writing = last;
    if (writing != null && !isListening) {
      isListening = true;
      writing.addListener(this);
    }
  }

  /** Whether its last write is this one. */
  boolean isEndedBy(ChannelFuture write) {
    return last == write;
  }

  /** Whether the socket has taken its answer as a whole. */
  boolean isWritten() {
    return last != null && last.isSuccess();
  }

  @Override
  public void operationComplete(ChannelFuture future) {
    // Told late, it may have been ended already, and be in use for the next request.
    if (isEndedBy(future)) {
      try {
        tap.ended(this);
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }

  /** The last write of its answer has ended. */
  void end(long nanos) {
    ChannelFuture future = last;
    if (isWritten()) {
      completed(nanos);
    } else if (future != null && exchange != null && exchange.isOpen()) {
      // Otherwise the close of the connection came first, and is why the write failed.
      boolean isByPeer = future.cause() instanceof IOException;
      exchange.aborted(
          isByPeer ? AbortKind.WRITE_FAILED : AbortKind.HANDLER_FAILED,
          future.cause(),
          bodyBytes,
          nanos);
    }
    last = null;
  }

  private void completed(long nanos) {
    Exchange ending = exchange;
    if (ending == null) {
      connection.state().malformed(connection.workerId(), status, nanos);
    } else if (upgrade != null) {
      ending.upgraded(upgrade, status, nanos);
    } else {
      ending.completed(status, hasBody ? bodyBytes + lastBytes : 0, nanos);
    }
  }

  /** The connection is closed before its answer was whole. */
  void closing(long nanos) {
    if (exchange == null) {
      connection.state().malformed(connection.workerId(), status, nanos);
    }
  }

  /** Whether nothing will be told of it any more. */
  boolean isReusable() {
    return partsInFlight == 0;
  }

  /** Before it is used again. */
  void release() {
    if (exchange != null) {
      exchange.release();
    }
  }

  /** Whether the codec writes a body after such a head. */
  private static boolean hasBody(int status) {
    return status != HttpResponseStatus.NO_CONTENT.code()
        && status != HttpResponseStatus.RESET_CONTENT.code()
        && status != HttpResponseStatus.NOT_MODIFIED.code();
  }
}
