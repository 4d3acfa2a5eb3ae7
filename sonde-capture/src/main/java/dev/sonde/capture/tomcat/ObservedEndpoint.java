// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import org.apache.tomcat.util.collections.SynchronizedStack;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.SocketBufferHandler;
import org.apache.tomcat.util.net.SocketProperties;
import org.jspecify.annotations.Nullable;

/** An endpoint whose channels tell what happens on them. */
final class ObservedEndpoint extends NioEndpoint {
  /*
   * Tomcat 11 asks a method for a new channel, Tomcat 10.1 makes it on the spot; both first look
   * into their pool of used ones. So the pool never gets empty: before a connection takes a channel
   * from it, the one thread that takes any puts one in. Whatever other threads put in meanwhile was
   * taken from there before and is of the same kind.
   */
  private volatile @Nullable ListenerScope scope;
  private volatile boolean compresses;

  void tell(ListenerScope listener, boolean compresses) {
    scope = listener;
    this.compresses = compresses;
  }

  @Override
  public void startInternal() throws Exception {
    SocketProperties properties = getSocketProperties();
    // On a small heap Tomcat has no pool. One place costs the buffers of one connection.
    if (scope != null && properties.getActualBufferPool(0) == 0) {
      properties.setBufferPool(1);
    }
    super.startInternal();
  }

  @Override
  protected boolean setSocketOptions(SocketChannel socket) {
    ListenerScope listener = scope;
    if (listener != null) {
      try {
        offerChannel();
      } catch (Throwable t) {
        // For want of direct memory, say: Tomcat makes one of its own, and nobody sees it.
        listener.fault(t);
      }
    }
    return super.setSocketOptions(socket);
  }

  private void offerChannel() {
    SynchronizedStack<NioChannel> pool = getNioChannels();
    if (pool != null) {
      NioChannel pooled = pool.pop();
      boolean unused = pool.push(pooled instanceof ObservedSocket ? pooled : newChannel());
    }
  }

  /** A channel begins to serve a connection; null if nobody wants to know. */
  @Nullable ObservedConnection opened(SocketChannel socket) {
    ListenerScope listener = scope;
    if (listener == null) {
      return null;
    }
    try {
      boolean isTls = isSSLEnabled();
      return new ObservedConnection(
          listener.opened(
              -1,
              addressOf(socket, /* isRemote= */ true),
              addressOf(socket, /* isRemote= */ false),
              isTls ? Protocol.UNKNOWN : Protocol.H1,
              isTls,
              System.nanoTime()),
          compresses);
    } catch (Throwable t) {
      listener.fault(t);
      return null;
    }
  }

  private NioChannel newChannel() {
    SocketProperties properties = getSocketProperties();
    SocketBufferHandler buffers =
        new SocketBufferHandler(
            properties.getAppReadBufSize(),
            properties.getAppWriteBufSize(),
            properties.getDirectBuffer());
    return isSSLEnabled()
        ? new ObservedSecureChannel(buffers, this)
        : new ObservedChannel(buffers, this);
  }

  private static @Nullable SocketAddress addressOf(SocketChannel socket, boolean isRemote) {
    try {
      return isRemote ? socket.getRemoteAddress() : socket.getLocalAddress();
    } catch (IOException e) {
      return null;
    }
  }
}
