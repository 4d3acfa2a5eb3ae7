// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.jspecify.annotations.Nullable;

/** A connector whose sockets are {@link ObservedEndPoint}s. */
final class ObservedConnector extends ServerConnector {
  private final List<ManagedSelector> selectors = new ArrayList<>();
  private volatile @Nullable ConnectorWatch watch;

  ObservedConnector(Server server, ConnectionFactory... factories) {
    super(server, factories);
  }

  void watch(ConnectorWatch watch) {
    this.watch = watch;
  }

  @Override
  protected void doStart() throws Exception {
    synchronized (selectors) {
      selectors.clear();
    }
    super.doStart();
  }

  @Override
  protected SocketChannelEndPoint newEndPoint(
      SocketChannel channel, ManagedSelector selector, SelectionKey key) throws IOException {
    ConnectorWatch observer = watch;
    if (observer == null) {
      return super.newEndPoint(channel, selector, key);
    }
    ObservedEndPoint endPoint =
        new ObservedEndPoint(channel, selector, key, getScheduler(), observer, indexOf(selector));
    endPoint.setIdleTimeout(getIdleTimeout());
    return endPoint;
  }

  private int indexOf(ManagedSelector selector) {
    synchronized (selectors) {
      int index = selectors.indexOf(selector);
      if (index < 0) {
        index = selectors.size();
        selectors.add(selector);
      }
      return index;
    }
  }
}
