// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.event.Protocol;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import org.apache.tomcat.util.net.NioEndpoint.SendfileData;
import org.jspecify.annotations.Nullable;

/** One socket of a Tomcat connector: what its channel and its requests tell, put together. */
final class ObservedConnection {
  // Of RFC 9113 §7.
  private static final int NO_ERROR = 0;
  private static final int ENHANCE_YOUR_CALM = 11;

  private static final int[] NONE = {};

  private final ConnectionState state;
  private final boolean compresses;

  /** The one request of HTTP/1 from its head until its end was told. */
  private volatile @Nullable ObservedRequest current;

  /** Of HTTP/2. */
  private volatile @Nullable OutboundFrames outbound;

  private volatile @Nullable IOException peerFailure;
  private volatile boolean hasPeerLeft;

  /** Whether the client has begun something, a handshake or a head, and not ended it. */
  private volatile boolean isBegun;

  /**
   * @param compresses whether the connector may compress what the application writes
   */
  ObservedConnection(ConnectionState state, boolean compresses) {
    this.state = state;
    this.compresses = compresses;
  }

  ConnectionState state() {
    return state;
  }

  boolean compresses() {
    return compresses;
  }

  /** Counts a fault of this adapter, which must not reach the server. */
  void fault(Throwable thrown) {
    state.listener().fault(thrown);
  }

  /**
   * Bytes came for the server to read.
   *
   * @param count as Tomcat got them, or -1 at the end of the stream
   * @param wireBytes that crossed the socket, 0 if unknown
   */
  void received(long count, long wireBytes) {
    try {
      if (count < 0) {
        peerLeft(AbortKind.READ_EOF, null);
      } else {
        state.wire(wireBytes, 0);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /**
   * @param reset why the client's bytes ended, or null if it ended them in good order
   */
  void readFailed(IOException thrown, @Nullable IOException reset) {
    try {
      if (!(thrown instanceof ClosedChannelException)) {
        peerLeft(reset == null ? AbortKind.READ_EOF : AbortKind.CLIENT_RESET, reset);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  void writeFailed(IOException thrown) {
    try {
      if (!(thrown instanceof ClosedChannelException)) {
        peerLeft(AbortKind.WRITE_FAILED, thrown);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Bytes are about to be written; returns whether {@link #endWrite()} has to follow. */
  boolean beginWrite() {
    OutboundFrames frames = outbound;
    return frames != null && frames.gate().writes();
  }

  /** What was written is known. */
  void endWrite() {
    try {
      OutboundFrames frames = outbound;
      if (frames != null && frames.gate().wrote()) {
        tellClosed();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /**
   * Bytes were taken from {@code source}.
   *
   * @param start its position before
   * @param wireBytes that crossed the socket, 0 if unknown
   * @param isFlushed whether nothing of it waits in a buffer
   */
  void sent(ByteBuffer source, int start, long wireBytes, boolean isFlushed) {
    try {
      state.wire(0, wireBytes);
      OutboundFrames frames = outbound;
      if (frames != null) {
        frames.written(source, start);
        if (isFlushed) {
          frames.flushed();
        }
      }
      ObservedRequest request = current;
      if (request != null) {
        request.progress();
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /**
   * A write to the socket has returned.
   *
   * @param isWhole whether nothing is left that Tomcat will offer again once it takes more
   */
  void wrote(boolean isWhole) {
    try {
      if (!isWhole) {
        state.writeBlocked(System.nanoTime());
      } else if (state.isWriteBlocked()) {
        state.writeResumed(System.nanoTime());
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** As for one buffer, for each of several. */
  void sent(ByteBuffer[] sources, int offset, int[] starts, long wireBytes, boolean isFlushed) {
    try {
      state.wire(0, wireBytes);
      OutboundFrames frames = outbound;
      if (frames != null) {
        for (int i = 0; i < starts.length; i++) {
          frames.written(sources[offset + i], starts[i]);
        }
        if (isFlushed) {
          frames.flushed();
        }
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** Where each of several buffers is; empty if that cannot be kept. */
  int[] positions(ByteBuffer[] buffers, int offset, int length) {
    try {
      int[] positions = new int[length];
      for (int i = 0; i < length; i++) {
        positions[i] = buffers[offset + i].position();
      }
      return positions;
    } catch (Throwable t) {
      fault(t);
      return NONE;
    }
  }

  boolean isSendingFile() {
    ObservedRequest request = current;
    return request != null && request.isSendingFile();
  }

  /**
   * A piece of a file was sent.
   *
   * @param isFlushed whether nothing of it waits in a buffer
   */
  void fileSent(@Nullable SendfileData file, boolean isFlushed) {
    ObservedRequest request = current;
    if (request != null && file != null) {
      try {
        request.fileSent(file.length, isFlushed);
      } catch (Throwable t) {
        fault(t);
      }
    }
  }

  void handshaking() {
    isBegun = true;
  }

  void handshaken(@Nullable String alpn) {
    try {
      isBegun = false;
      String agreed = alpn == null || alpn.isEmpty() ? null : alpn;
      // What else may have been agreed on is told by the upgrade to it.
      Protocol protocol = "h2".equals(agreed) ? Protocol.H2 : Protocol.H1;
      state.protocol(protocol, agreed, System.nanoTime());
    } catch (Throwable t) {
      fault(t);
    }
  }

  void handshakeFailed(boolean hasBytes) {
    try {
      if (hasBytes) {
        state.hint(CloseHint.TLS_HANDSHAKE_FAILED);
      }
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** From now on the connection speaks HTTP/2. */
  void http2() {
    if (state.protocol() != Protocol.H2) {
      state.protocol(Protocol.H2, null, System.nanoTime());
    }
    outbound = new OutboundFrames(this);
  }

  /** The server says by GOAWAY that it will close. */
  void gaveUp(int error) {
    if (error != NO_ERROR) {
      state.hint(error == ENHANCE_YOUR_CALM ? CloseHint.RAPID_RESET : CloseHint.PROTOCOL_ERROR);
    }
  }

  /** Whether a head has begun to come. */
  void headBegun(boolean isBegun) {
    if (this.isBegun != isBegun) {
      this.isBegun = isBegun;
    }
  }

  /** A request of HTTP/1 has begun. */
  void began(ObservedRequest request) {
    current = request;
  }

  /** A request of HTTP/1 has ended. */
  void ended(ObservedRequest request) {
    if (current == request) {
      current = null;
    }
  }

  /** A request of HTTP/2 has begun. */
  void began(ObservedRequest request, long stream) {
    OutboundFrames frames = outbound;
    if (frames != null) {
      frames.began(request, stream);
    }
  }

  /** A request of HTTP/2 has ended. */
  void ended(long stream) {
    OutboundFrames frames = outbound;
    if (frames != null) {
      frames.ended(stream);
    }
  }

  boolean hasPeerLeft() {
    return hasPeerLeft;
  }

  /**
   * Tomcat is about to close the socket.
   *
   * @param error what Tomcat notes of it, which is a time-out or nothing
   */
  void closed(@Nullable IOException error) {
    try {
      if (error instanceof SocketTimeoutException && !state.listener().isStopping()) {
        hintTimeout(current);
      }
    } catch (Throwable t) {
      fault(t);
    }
    OutboundFrames frames = outbound;
    if (frames == null || frames.gate().closed()) {
      tellClosed();
    }
  }

  private void hintTimeout(@Nullable ObservedRequest request) {
    if (state.openRequests() == 0) {
      state.hint(isBegun ? CloseHint.REQUEST_HEADERS_TIMEOUT : CloseHint.KEEP_ALIVE_TIMEOUT);
    } else {
      Exchange open = request == null ? null : request.exchange();
      boolean isAnswering = open != null && open.isCommitted();
      state.hint(isAnswering ? CloseHint.WRITE_TIMEOUT : CloseHint.REQUEST_BODY_TIMEOUT);
    }
  }

  private void tellClosed() {
    try {
      ObservedRequest request = current;
      if (request != null) {
        request.progress();
      }
      state.visitOpenRequests(
          open -> {
            if (open.attachment() instanceof ObservedRequest stream) {
              stream.closing();
            }
          });
      close(request);
    } catch (Throwable t) {
      fault(t);
    }
  }

  private void close(@Nullable ObservedRequest request) {
    long nanos = System.nanoTime();
    IOException failure = peerFailure;
    if (!hasPeerLeft) {
      // How the sending of a file fails is not said: as a rule it is the client that has gone.
      boolean isFile = request != null && request.isSendingFile();
      state.closed(isFile ? Initiator.UNKNOWN : Initiator.LOCAL, null, nanos);
    } else if (failure == null && state.protocol() == Protocol.WEBSOCKET) {
      // After a close frame the server is the first to close (RFC 6455 §7.1.1).
      state.closed(
          Initiator.REMOTE, new EOFException("end of stream without a close frame"), nanos);
    } else {
      state.closed(Initiator.REMOTE, failure, nanos);
    }
  }

  private void peerLeft(AbortKind kind, @Nullable IOException failure) {
    if (peerFailure == null) {
      peerFailure = failure;
    }
    hasPeerLeft = true;
    ObservedRequest request = current;
    if (request != null) {
      try {
        request.cut(kind, failure);
      } catch (Throwable t) {
        fault(t);
      }
    }
  }
}
