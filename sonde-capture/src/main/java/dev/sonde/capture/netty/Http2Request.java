// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Exchange;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http2.Http2Headers;
import org.jspecify.annotations.Nullable;

/** One stream of HTTP/2 from its head to its end. */
final class Http2Request extends ServedRequest {
  private final Http2Watch watch;
  private final Exchange exchange;
  private final boolean isHead;
  private int status;
  private long bodyBytes;

  /** Body bytes that its head announces, if positive. */
  private long announced;

  /** The write that ends the answer, once it was handed to the codec. */
  private @Nullable ChannelFuture last;

  /** Whether the codec has told that it writes the end of the answer. */
  private boolean isLastLogged;

  /** Whether the stream has taken the end of the answer. */
  private boolean isClosedHere;

  /** What the client added to the window of the stream. */
  private long windowIncrements;

  Http2Request(Http2Watch watch, Exchange exchange, boolean isHead) {
    this.watch = watch;
    this.exchange = exchange;
    this.isHead = isHead;
  }

  @Override
  Exchange exchange() {
    return exchange;
  }

  /**
   * A head of the answer is written; returns whether it is the one that counts, or trailers.
   *
   * @param isLast whether nothing follows
   */
  boolean answered(Http2Headers headers, boolean isLast) {
    CharSequence code = headers.status();
    if (code == null || status != 0) {
      return true;
    }
    int parsed = Integer.parseInt(code.toString());
    if (HttpStatusClass.INFORMATIONAL.contains(parsed)) {
      return false;
    }
    status = parsed;
    exchange.contentType(headers.get(HttpHeaderNames.CONTENT_TYPE));
    if (isLast) {
      exchange.committedWithEnd(parsed);
    } else {
      announced(headers.getLong(HttpHeaderNames.CONTENT_LENGTH, 0));
      exchange.committed(parsed, System.nanoTime());
    }
    return true;
  }

  @Override
  public boolean answered(int code) {
    if (watch.isAnsweredUnseen() && status == 0 && !HttpStatusClass.INFORMATIONAL.contains(code)) {
      status = code;
      exchange.committed(code, System.nanoTime());
      return true;
    }
    return false;
  }

  @Override
  public void announced(long bodyBytes) {
    if (!isHead) {
      announced = bodyBytes;
    }
  }

  /** Its client leaves, and what was written of it is on the socket. */
  void drained() {
    exchange.announced(announced);
  }

  @Override
  public void ended(int code) {
    if (watch.isAnsweredUnseen()) {
      if (status == 0) {
        status = code;
        exchange.committedWithEnd(code);
      }
      isLastLogged = true;
    }
  }

  void windowGrew(int increment) {
    windowIncrements += increment;
  }

  long windowIncrements() {
    return windowIncrements;
  }

  /** So many bytes of its body were handed to the socket, in all. */
  void sentInAll(long bytes) {
    bodyBytes = bytes;
    exchange.sent(bytes);
  }

  /** The stream has taken all that the server sends. */
  void closedHere() {
    isClosedHere = true;
  }

  /** A part of the answer is on its way; returns what has to be told what becomes of it. */
  ChannelPromise written(int bytes, boolean isLast, ChannelPromise promise) {
    ChannelPromise observed = promise.unvoid();
    if (isLast) {
      last = observed;
    }
    return observed.addListener(
        future -> {
          if (future.isSuccess()) {
            sent(bytes);
          }
          if (isLast) {
            settle();
          }
        });
  }

  /** The codec writes a part of the answer. */
  void logged(int bytes, boolean isLast) {
    sent(bytes);
    isLastLogged |= isLast;
  }

  private void sent(int bytes) {
    if (!isHead) {
      bodyBytes += bytes;
      exchange.sent(bodyBytes);
    }
  }

  /** Whether only the socket has to take the rest. */
  boolean isLeaving() {
    return last != null;
  }

  /** Ends it if its answer was written as a whole. */
  void settle() {
    boolean isWritten = (isLastLogged && isClosedHere) || (last != null && last.isSuccess());
    if (exchange.isOpen() && isWritten) {
      exchange.completed(status, bodyBytes, System.nanoTime());
    }
  }

  void aborted(AbortKind kind) {
    if (exchange.isOpen()) {
      exchange.aborted(kind, null, bodyBytes, System.nanoTime());
    }
  }
}
