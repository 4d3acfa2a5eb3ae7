// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.http2.CloseGate;
import dev.sonde.capture.http2.FrameScan;
import dev.sonde.event.Protocol;
import io.undertow.conduits.IdleTimeoutConduit;
import io.undertow.conduits.ReadTimeoutStreamSourceConduit;
import io.undertow.conduits.WriteTimeoutStreamSinkConduit;
import io.undertow.protocols.ssl.SslConduit;
import io.undertow.server.protocol.ParseTimeoutUpdater;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** One connection of a listener: what its conduits and its requests tell, put together. */
final class ObservedConnection {
  /*
   * Reads come one at a time, and so do writes, from the I/O thread or from the worker that serves
   * the one request of HTTP/1. The close comes at any time, from any thread. What one of them leaves
   * for another is volatile; which of them ends a request, the exchange itself decides.
   */

  /** Who closes a connection for its silence; nothing else tells of it. */
  private static final Set<Class<?>> TIMERS =
      Set.of(
          ParseTimeoutUpdater.class,
          IdleTimeoutConduit.class,
          ReadTimeoutStreamSourceConduit.class,
          WriteTimeoutStreamSinkConduit.class);

  /** Frames between who closes and the listener of the close, and some more. */
  private static final int NEAR_FRAMES = 48;

  private static final StackWalker STACK =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int NO_ERROR = 0;
  private static final int CONNECT_ERROR = 10;
  private static final int ENHANCE_YOUR_CALM = 11;

  /** The whole of what Undertow answers to a head that it could not parse. */
  private static final String REFUSAL =
      "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

  private static final String ANSWER = "HTTP/1.1 ";
  private static final String PREFACE = "PRI * HTTP/2";
  private static final int[] NONE = {};

  private final ConnectionState state;
  private final CloseGate gate = new CloseGate();

  /** The one request of HTTP/1 from its head until its end was told. */
  private volatile @Nullable ObservedRequest current;

  /** The requests of HTTP/2 by their streams, from their heads until their ends were told. */
  private volatile @Nullable Map<Integer, ObservedRequest> streams;

  private volatile @Nullable FrameScan inbound;
  private volatile @Nullable FrameScan outbound;
  private volatile @Nullable IOException peerFailure;
  private volatile boolean hasPeerLeft;

  /** Whether a head has begun to come. */
  private volatile boolean isBegun;

  /** Whether bytes came that were meant for Undertow: with TLS the handshake is over then. */
  private volatile boolean hasReceived;

  /**
   * Whether the bytes are the application's: of a WebSocket, of a tunnel. Set before {@link
   * #current} is cleared, and read after it.
   */
  private volatile boolean isHandedOver;

  /** Whether responses may be written after their requests have ended. */
  private volatile boolean isPipelined;

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

  /**
   * Bytes came.
   *
   * @param count as Undertow got them, or -1 at the end of the stream
   */
  void received(long count) {
    try {
      if (count < 0) {
        peerLeft(AbortKind.READ_EOF, null);
      } else if (count > 0) {
        if (!state.isTls()) {
          state.wire(count, 0);
        }
        if (!hasReceived) {
          hasReceived = true;
        }
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** What came lies between {@code start} and the buffer's position. */
  void scanReceived(ByteBuffer bytes, int start) {
    if (bytes.position() == start) {
      return;
    }
    try {
      FrameScan frames = inbound;
      if (frames == null && isScanned()) {
        if (startsWith(bytes, start, PREFACE)) {
          http2();
          frames = inbound;
        } else if (!isBegun) {
          isBegun = true;
        }
      }
      if (frames != null) {
        frames.scan(bytes, start);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void readFailed(IOException thrown) {
    try {
      if (thrown instanceof InterruptedIOException) {
        state.hint(timeout());
      } else if (!(thrown instanceof ClosedChannelException || thrown instanceof SSLException)) {
        peerLeft(AbortKind.CLIENT_RESET, thrown);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void sent(long count) {
    try {
      if (!state.isTls()) {
        state.wire(0, count);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** What was sent lies between {@code start} and the buffer's position. */
  void scanSent(ByteBuffer bytes, int start) {
    try {
      FrameScan frames = outbound;
      if (frames != null) {
        frames.scan(bytes, start);
      } else if (isScanned() && bytes.position() > start && startsWith(bytes, start, ANSWER)) {
        answered(statusIn(bytes, start + ANSWER.length()), startsWith(bytes, start, REFUSAL));
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void writeFailed(IOException thrown) {
    try {
      if (thrown instanceof InterruptedIOException) {
        state.hint(timeout());
      } else if (!(thrown instanceof ClosedChannelException)) {
        peerLeft(AbortKind.WRITE_FAILED, thrown);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Whether what goes over the connection now is to be scanned. */
  boolean isScanned() {
    return current == null && !isHandedOver;
  }

  /**
   * Positions to be scanned from afterwards; none if they cannot be kept.
   *
   * @param positions those of the read or write before, used again if there is room in them
   */
  int[] positions(int[] positions, ByteBuffer[] buffers, int offset, int length) {
    try {
      int[] kept = positions.length < length ? new int[length] : positions;
      for (int i = 0; i < length; i++) {
        kept[i] = buffers[offset + i].position();
      }
      return kept;
    } catch (Throwable t) {
      fault(t);
      return NONE;
    }
  }

  /** A request of HTTP/2 has begun; returns whether its frames are seen. */
  boolean began(ObservedRequest request, int stream) {
    Map<Integer, ObservedRequest> open = streams;
    if (open != null) {
      open.put(stream, request);
    }
    return open != null;
  }

  /** A request of HTTP/2 has ended. */
  void ended(int stream) {
    Map<Integer, ObservedRequest> open = streams;
    if (open != null) {
      open.remove(stream);
    }
  }

  /** A request of HTTP/1 has begun. */
  void began(ObservedRequest request) {
    isBegun = false;
    if (state.protocol() == Protocol.UNKNOWN) {
      state.protocol(Protocol.H1, null, System.nanoTime());
    }
    current = request;
  }

  /**
   * A request of HTTP/1 has ended.
   *
   * @param isPipelined whether its response may be written later
   * @param isHandedOver whether the connection is the application's from now on
   */
  void ended(ObservedRequest request, boolean isPipelined, boolean isHandedOver) {
    if (isHandedOver) {
      this.isHandedOver = true;
    }
    if (isPipelined) {
      this.isPipelined = true;
    }
    if (current == request) {
      current = null;
    }
  }

  boolean hasPeerLeft() {
    return hasPeerLeft;
  }

  /** Frames are about to be written; returns whether {@link #endFrames()} has to follow. */
  boolean beginFrames() {
    try {
      return outbound != null && gate.writes();
    } catch (Throwable t) {
      fault(t);
      return false;
    }
  }

  /** Frames were written and looked at. */
  void endFrames() {
    try {
      if (gate.wrote()) {
        tellClosed();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** The socket was closed; the first call counts. */
  void closed() {
    try {
      if (!hasPeerLeft && !state.listener().isStopping()) {
        hintCloser();
      }
    } catch (Throwable t) {
      fault(t);
    }
    try {
      if (gate.closed()) {
        tellClosed();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  private void tellClosed() {
    try {
      IOException failure = peerFailure;
      long nanos = System.nanoTime();
      if (!hasPeerLeft) {
        state.closed(Initiator.LOCAL, null, nanos);
      } else if (failure == null && state.protocol() == Protocol.WEBSOCKET) {
        // After a close frame the server is the first to close (RFC 6455 §7.1.1).
        state.closed(
            Initiator.REMOTE, new EOFException("end of stream without a close frame"), nanos);
      } else {
        state.closed(Initiator.REMOTE, failure, nanos);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Bytes of HTTP/1 went out with no request open: Undertow answers by itself. */
  private void answered(int status, boolean isRefusal) {
    if (status == SWITCHING_PROTOCOLS) {
      // To HTTP/2: an upgrade to anything else is an application's.
      http2();
    } else if (status >= 400 && (isRefusal || !isPipelined)) {
      isBegun = false;
      state.malformed(state.workerId(), status, System.nanoTime());
    }
  }

  private void http2() {
    state.protocol(Protocol.H2, state.isTls() ? "h2" : null, System.nanoTime());
    isBegun = false;
    Map<Integer, ObservedRequest> open = new ConcurrentHashMap<>();
    streams = open;
    inbound =
        new FrameScan(
            new FrameScan.Frames() {
              @Override
              public void reset(int stream) {
                ObservedRequest request = open.get(stream);
                if (request != null) {
                  request.cut(AbortKind.CLIENT_RESET, null);
                }
              }
            },
            FrameScan.PREFACE_BYTES);
    outbound =
        new FrameScan(
            new FrameScan.Frames() {
              @Override
              public void data(int stream, int bodyBytes) {
                ObservedRequest request = open.get(stream);
                if (request != null) {
                  request.framed(bodyBytes);
                }
              }

              @Override
              public void end(int stream) {
                ObservedRequest request = open.get(stream);
                if (request != null) {
                  request.endFramed();
                }
              }

              @Override
              public void goAway(int error) {
                gaveUp(error);
              }
            },
            0);
  }

  private void gaveUp(int error) {
    if (error == ENHANCE_YOUR_CALM) {
      state.hint(CloseHint.RAPID_RESET);
    } else if (error != NO_ERROR && error != CONNECT_ERROR) {
      state.hint(CloseHint.PROTOCOL_ERROR);
    }
  }

  private CloseHint timeout() {
    ObservedRequest request = current;
    if (state.openRequests() == 0 || request == null) {
      return isBegun ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT;
    }
    return request.timeout();
  }

  /** Looks who closes: a timer, TLS by a failure, or anybody else. */
  private void hintCloser() {
    Class<?> closer =
        STACK.walk(
            frames ->
                frames
                    .limit(NEAR_FRAMES)
                    .filter(ObservedConnection::isCloser)
                    .<Class<?>>map(frame -> frame.getDeclaringClass().getNestHost())
                    .findFirst()
                    .orElse(Object.class));
    if (TIMERS.contains(closer)) {
      state.hint(timeout());
    } else if (state.isTls() && !hasReceived) {
      state.hint(CloseHint.TLS_HANDSHAKE_FAILED);
    } else if (closer == SslConduit.class) {
      state.hint(CloseHint.PROTOCOL_ERROR);
    }
  }

  /** Timers and TLS are on the stack of other closes, too, by other methods. */
  private static boolean isCloser(StackWalker.StackFrame frame) {
    Class<?> type = frame.getDeclaringClass().getNestHost();
    String method = frame.getMethodName();
    return type == SslConduit.class
        ? method.equals("doUnwrap")
        : TIMERS.contains(type) && (method.equals("run") || method.startsWith("handle"));
  }

  private void peerLeft(AbortKind kind, @Nullable IOException failure) {
    if (peerFailure == null) {
      peerFailure = failure;
    }
    hasPeerLeft = true;
    ObservedRequest request = current;
    if (request != null) {
      request.cut(kind, failure);
    }
  }

  private static boolean startsWith(ByteBuffer bytes, int start, String text) {
    if (bytes.position() - start < text.length()) {
      return false;
    }
    for (int i = 0; i < text.length(); i++) {
      if (bytes.get(start + i) != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** Three digits, or 0. */
  private static int statusIn(ByteBuffer bytes, int at) {
    if (bytes.position() - at < 3) {
      return 0;
    }
    return (bytes.get(at) - '0') * 100 + (bytes.get(at + 1) - '0') * 10 + bytes.get(at + 2) - '0';
  }
}
