// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.tomcat.util.net.AbstractEndpoint;
import org.apache.tomcat.util.net.NioChannel;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;

/** Tomcat's handler of sockets, which hears of the close of each one once. */
final class ClosingHandler implements AbstractEndpoint.Handler<NioChannel> {
  private final AbstractEndpoint.Handler<NioChannel> tomcats;

  ClosingHandler(AbstractEndpoint.Handler<NioChannel> tomcats) {
    this.tomcats = tomcats;
  }

  @Override
  public SocketState process(SocketWrapperBase<NioChannel> socket, SocketEvent event) {
    return tomcats.process(socket, event);
  }

  @Override
  public Object getGlobal() {
    return tomcats.getGlobal();
  }

  @Override
  public void release(SocketWrapperBase<NioChannel> socket) {
    ObservedConnection connection = ObservedSocket.connectionOf(socket);
    try {
      tomcats.release(socket);
    } finally {
      if (connection != null) {
        connection.closed(socket.getError());
      }
    }
  }

  @Override
  public void pause() {
    tomcats.pause();
  }

  @Override
  public void recycle() {
    tomcats.recycle();
  }
}
