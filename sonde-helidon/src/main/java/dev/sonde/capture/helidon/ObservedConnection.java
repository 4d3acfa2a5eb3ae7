// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.http2.CloseGate;
import dev.sonde.event.Protocol;
import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.Objects;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * One connection: what its bytes, its heads and its requests tell, put together.
 *
 * <p>What fails in here is counted, and does not reach Helidon.
 */
final class ObservedConnection {
  /*
   * One virtual thread reads a connection, tells its close, and on HTTP/1 serves its requests. A
   * response may be written by another thread while that one waits for it. On HTTP/2 each stream has
   * a thread; Helidon lets them write one after the other, under its own lock.
   *
   * A client of HTTP/2 may have its answer and be gone before the thread that wrote it has told its
   * end. So frames are written within a gate, and a close that finds a write there is left to it.
   * What is written after the close is not looked at. The close may also come while the thread of a
   * stream, or the client's reset, ends a request; each tells its end in the monitor of this, so
   * that none comes too late.
   */

  /** A write blocks and does not tell whether it had to; one that need not takes less. */
  private static final long WAITED_NANOS = 1_000_000;

  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int ENHANCE_YOUR_CALM = 11;

  private final ConnectionState state;
  private final CloseGate gate = new CloseGate();
  private final ResponseScan response = new ResponseScan();

  private @Nullable DataReader reader;
  private @Nullable HttpPrologue prologue;

  /** The one request of HTTP/1 from its head until its end was told. */
  private volatile @Nullable ObservedRequest current;

  /** Of HTTP/2. */
  private volatile @Nullable Http2Frames frames;

  /** Body bytes before those that are being written; of the writing thread. */
  private long bytesBefore;

  private volatile boolean hasPeerLeft;
  private volatile @Nullable Throwable peerFailure;

  private long bytesIn;

  /** Whether a head has begun to come. */
  private boolean isBegun;

  /** Whether bytes came that were meant for Helidon: with TLS the handshake is over then. */
  private boolean hasReceived;

  /** Whether the bytes are the application's, after an upgrade. */
  private volatile boolean isHandedOver;

  private volatile boolean isTimedOut;
  private volatile boolean isStopped;

  ObservedConnection(ConnectionState state) {
    this.state = state;
  }

  ConnectionState state() {
    return state;
  }

  /** Counts a fault of this adapter, which must not reach the server. */
  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }

  /** Where bytes lie that came and were not taken yet. */
  void buffered(DataReader reader) {
    this.reader = reader;
  }

  void http1() {
    try {
      state.protocol(Protocol.H1, null, System.nanoTime());
    } catch (Throwable t) {
      fault(t);
    }
  }

  void http2() {
    try {
      state.protocol(Protocol.H2, state.isTls() ? "h2" : null, System.nanoTime());
      isBegun = false;
      current = null;
      Http2Frames begun = new Http2Frames();
      frames = begun;
      DataReader buffer = reader;
      int available = buffer == null ? 0 : buffer.available();
      if (buffer != null && available > 0) {
        begun.received(available, buffer.getBuffer(available)::get);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** No protocol begins with what came. */
  void unknown() {
    try {
      state.malformed(-1, 0, System.nanoTime());
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Bytes came, or the end of the stream. */
  void received(byte @Nullable [] bytes) {
    try {
      if (bytes == null) {
        peerLeft(AbortKind.READ_EOF, null);
        return;
      }
      hasReceived = true;
      if (!state.isTls()) {
        state.wire(bytes.length, 0);
      }
      bytesIn += bytes.length;
      Http2Frames multiplexed = frames;
      if (multiplexed != null) {
        multiplexed.received(bytes.length, index -> bytes[index]);
      } else if (current == null) {
        isBegun = !isHandedOver;
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void readFailed(Throwable failure) {
    try {
      if (failure instanceof SSLException) {
        state.hint(hasReceived ? CloseHint.PROTOCOL_ERROR : CloseHint.TLS_HANDSHAKE_FAILED);
      } else if (isPeers(failure)) {
        peerLeft(AbortKind.CLIENT_RESET, failure);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** The first line of a request of HTTP/1 is parsed. */
  void prologue(HttpPrologue prologue) {
    this.prologue = prologue;
  }

  /** The head of a request of HTTP/1 is parsed. */
  void head(ObservedContext context, Headers headers) {
    try {
      HttpPrologue line = Objects.requireNonNull(prologue);
      isBegun = false;
      response.reset();
      ObservedRequest request = new ObservedRequest(context, 0, line, headers, System.nanoTime());
      current = request;
      // One that goes on as HTTP/2 is the first stream there, and not to be told twice.
      if (!request.asksFor("h2c")) {
        request.begin();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** A request is being routed; returns null if it is not observed. */
  @Nullable ObservedRequest route(
      ObservedContext context, RoutingRequest request, RoutingResponse answer) {
    try {
      ObservedRequest routed = current;
      Http2Frames multiplexed = frames;
      if (multiplexed != null) {
        if (state.isClosed()) {
          return null;
        }
        routed =
            new ObservedRequest(
                context, request.id(), request.prologue(), request.headers(), System.nanoTime());
      }
      if (routed != null) {
        routed.begin();
        routed.routing(request, answer);
        if (multiplexed != null) {
          multiplexed.began(routed);
        }
      }
      return routed;
    } catch (Throwable t) {
      fault(t);
      return null;
    }
  }

  /** A request has ended. */
  void ended(ObservedRequest request) {
    Http2Frames multiplexed = frames;
    if (multiplexed != null) {
      multiplexed.ended(request);
    } else if (current == request) {
      current = null;
      response.reset();
    }
  }

  boolean hasPeerLeft() {
    return hasPeerLeft;
  }

  /** Whether the server was asked to end it. */
  boolean isStopped() {
    return isStopped;
  }

  /** Bytes that came and that Helidon has taken. */
  long taken() {
    DataReader buffer = reader;
    return bytesIn - (buffer == null ? 0 : buffer.available());
  }

  long bodyBytes() {
    return response.bodyBytes();
  }

  int status() {
    return response.status();
  }

  /** Bytes are about to go out; returns whether {@link #endWrite()} has to follow. */
  boolean writing(BufferData bytes) {
    boolean isHolding = false;
    try {
      Http2Frames multiplexed = frames;
      if (multiplexed != null) {
        isHolding = gate.writes();
        if (isHolding) {
          multiplexed.writing(bytes);
        }
      } else if (!isHandedOver) {
        bytesBefore = response.bodyBytes();
        response.scan(bytes);
      }
    } catch (Throwable t) {
      fault(t);
    }
    return isHolding;
  }

  /**
   * They went out.
   *
   * @param isHolding what {@link #writing} returned
   */
  void written(int length, long beginNanos, long endNanos, boolean isHolding) {
    try {
      if (!state.isTls()) {
        state.wire(0, length);
      }
      Http2Frames multiplexed = frames;
      if (multiplexed == null) {
        if (endNanos - beginNanos >= WAITED_NANOS) {
          state.writeBlocked(beginNanos);
          state.writeResumed(endNanos);
        }
        if (!isHandedOver) {
          answered(endNanos);
        }
      } else if (isHolding) {
        gaveUp(multiplexed.written(endNanos));
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void writeFailed(Throwable thrown) {
    try {
      Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
      if (isPeers(cause)) {
        ObservedRequest request = current;
        if (request != null) {
          request.cut(AbortKind.WRITE_FAILED, cause, bytesBefore);
        }
        peerLeft(AbortKind.WRITE_FAILED, cause);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** A write of frames is over, however it went. */
  void endWrite() {
    Http2Frames multiplexed = frames;
    if (multiplexed != null) {
      multiplexed.endWrite();
    }
    if (gate.wrote()) {
      tellClosed();
    }
  }

  /**
   * Helidon asks its connection to end, and asks again until it has.
   *
   * @param byTimer because it was idle; else because the server stops
   */
  void closing(boolean byTimer) {
    try {
      if (byTimer) {
        // Helidon's timer takes a request that goes on for long for idleness, but lets it end.
        isTimedOut = state.openRequests() == 0;
      } else {
        isStopped = true;
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Helidon has done with it, and closes its socket. */
  void closed() {
    if (gate.closed()) {
      tellClosed();
    }
  }

  /** By a GOAWAY that went out, unless there is no error. */
  private void gaveUp(int error) {
    // Helidon gives up a connection whose client has left, too.
    if (error != Http2Frames.NO_ERROR && !hasPeerLeft) {
      state.hint(error == ENHANCE_YOUR_CALM ? CloseHint.RAPID_RESET : CloseHint.PROTOCOL_ERROR);
    }
  }

  private void answered(long nanos) {
    int status = response.status();
    ObservedRequest request = current;
    if (status == 0) {
      return;
    }
    if (request == null) {
      response.reset();
      if (!hasPeerLeft && !isTimedOut && !isStopped) {
        state.malformed(-1, status, nanos);
      }
    } else if (status != SWITCHING_PROTOCOLS) {
      request.answered(status, response.bodyBytes(), nanos);
    } else if (request.asksFor("h2c")) {
      http2();
    } else {
      isHandedOver = true;
      request.upgraded(
          request.asksFor("websocket") ? Protocol.WEBSOCKET : Protocol.UNKNOWN, status, nanos);
    }
  }

  private void tellClosed() {
    try {
      synchronized (this) {
        close();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  private void close() {
    state.visitOpenRequests(
        open -> {
          if (open.attachment() instanceof ObservedRequest request) {
            request.closing();
          }
        });
    long nanos = System.nanoTime();
    Throwable failure = peerFailure;
    if (!hasPeerLeft) {
      hintCloser();
      state.closed(Initiator.LOCAL, null, nanos);
    } else if (failure == null && state.protocol() == Protocol.WEBSOCKET) {
      // After a close frame Helidon is the first to close.
      state.closed(
          Initiator.REMOTE, new EOFException("end of stream without a close frame"), nanos);
    } else {
      state.closed(Initiator.REMOTE, failure, nanos);
    }
  }

  private void hintCloser() {
    if (isStopped) {
      state.hint(CloseHint.SHUTDOWN);
    } else if (isTimedOut) {
      state.hint(isBegun ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT);
    }
  }

  /** Whether the peer is the cause: the server closes by an interrupt of the reading thread. */
  private boolean isPeers(Throwable failure) {
    return failure instanceof IOException
        && !(failure instanceof ClosedChannelException || failure instanceof SSLException)
        && !isStopped
        && !isTimedOut;
  }

  private void peerLeft(AbortKind kind, @Nullable Throwable failure) {
    if (!hasPeerLeft) {
      peerFailure = failure;
      hasPeerLeft = true;
    }
    ObservedRequest request = current;
    if (request != null) {
      request.cut(kind, failure, response.bodyBytes());
    }
  }
}
