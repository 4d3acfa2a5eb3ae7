// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLEngine;
import org.apache.tomcat.util.net.NioEndpoint.NioSocketWrapper;
import org.apache.tomcat.util.net.SecureNioChannel;
import org.apache.tomcat.util.net.SocketBufferHandler;
import org.jspecify.annotations.Nullable;

/** A TLS channel that tells of its handshake, and how its bytes ended. */
final class ObservedSecureChannel extends SecureNioChannel implements ObservedSocket {
  private final ObservedEndpoint endpoint;
  private volatile @Nullable ObservedConnection connection;

  ObservedSecureChannel(SocketBufferHandler buffers, ObservedEndpoint endpoint) {
    super(buffers, endpoint);
    this.endpoint = endpoint;
  }

  @Override
  public @Nullable ObservedConnection connection() {
    return connection;
  }

  @Override
  public void reset(@Nullable SocketChannel channel, @Nullable NioSocketWrapper socket)
      throws IOException {
    super.reset(channel, socket);
    connection = channel == null ? null : endpoint.opened(channel);
  }

  @Override
  public int handshake(boolean read, boolean write) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.handshake(read, write);
    }
    try {
      int next = super.handshake(read, write);
      if (next == 0) {
        observed.handshaken(socketWrapper.getNegotiatedProtocol());
      } else if (next < 0) {
        observed.handshakeFailed(hasBytes());
      } else if (hasBytes()) {
        observed.handshaking();
      }
      return next;
    } catch (IOException e) {
      observed.handshakeFailed(hasBytes());
      throw e;
    }
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.read(target);
    }
    try {
      int count = super.read(target);
      observed.received(count, 0);
      return count;
    } catch (IOException e) {
      observed.readFailed(e, isEndOfStream() ? null : e);
      throw e;
    }
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.read(targets, offset, length);
    }
    try {
      long count = super.read(targets, offset, length);
      observed.received(count, 0);
      return count;
    } catch (IOException e) {
      observed.readFailed(e, isEndOfStream() ? null : e);
      throw e;
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.write(source);
    }
    int start = source.position();
    boolean isHolding = observed.beginWrite();
    try {
      int count = super.write(source);
      boolean isFlushed = super.getOutboundRemaining() == 0;
      observed.sent(source, start, 0, isFlushed);
      observed.wrote(!source.hasRemaining() && isFlushed);
      return count;
    } catch (IOException e) {
      observed.writeFailed(e);
      throw e;
    } finally {
      if (isHolding) {
        observed.endWrite();
      }
    }
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.write(sources, offset, length);
    }
    int[] starts = observed.positions(sources, offset, length);
    boolean isHolding = observed.beginWrite();
    try {
      long count = super.write(sources, offset, length);
      observed.sent(sources, offset, starts, 0, super.getOutboundRemaining() == 0);
      return count;
    } catch (IOException e) {
      observed.writeFailed(e);
      throw e;
    } finally {
      if (isHolding) {
        observed.endWrite();
      }
    }
  }

  /** Asked by Tomcat before and after each piece of a file that it sends. */
  @Override
  public int getOutboundRemaining() {
    int remaining = super.getOutboundRemaining();
    ObservedConnection observed = connection;
    if (observed != null && observed.isSendingFile()) {
      observed.fileSent(socketWrapper.getSendfileData(), remaining == 0);
    }
    return remaining;
  }

  /** Whether anything came: a port scan or a health check has not failed at a handshake. */
  private boolean hasBytes() {
    return sslEngine != null || netInBuffer.position() > 0;
  }

  /** Whether the client has said goodbye, which Tomcat throws as a failure. */
  private boolean isEndOfStream() {
    SSLEngine engine = sslEngine;
    return engine != null && engine.isInboundDone();
  }
}
