// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint.NioSocketWrapper;
import org.apache.tomcat.util.net.SocketBufferHandler;
import org.jspecify.annotations.Nullable;

/** A cleartext channel that tells its bytes and how they ended. */
final class ObservedChannel extends NioChannel implements ObservedSocket {
  private final ObservedEndpoint endpoint;
  private volatile @Nullable ObservedConnection connection;

  ObservedChannel(SocketBufferHandler buffers, ObservedEndpoint endpoint) {
    super(buffers);
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
  public int read(ByteBuffer target) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.read(target);
    }
    try {
      int count = super.read(target);
      observed.received(count, count);
      return count;
    } catch (IOException e) {
      observed.readFailed(e, e);
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
      observed.received(count, count);
      return count;
    } catch (IOException e) {
      observed.readFailed(e, e);
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
      observed.sent(source, start, count, /* isFlushed= */ true);
      observed.wrote(!source.hasRemaining());
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
      observed.sent(sources, offset, starts, count, /* isFlushed= */ true);
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
    ObservedConnection observed = connection;
    if (observed != null && observed.isSendingFile()) {
      observed.fileSent(socketWrapper.getSendfileData(), /* isFlushed= */ true);
    }
    return 0;
  }
}
