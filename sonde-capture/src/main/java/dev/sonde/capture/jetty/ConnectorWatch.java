// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslHandshakeListener;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.component.LifeCycle;
import org.jspecify.annotations.Nullable;

/** What one connector tells of its connections and of itself; a bean of the connector. */
final class ConnectorWatch
    implements Connection.Listener, SslHandshakeListener, LifeCycle.Listener {
  private final SondeJetty jetty;
  private final Connector connector;
  private final ListenerScope scope;

  ConnectorWatch(SondeJetty jetty, Connector connector, ListenerScope scope) {
    this.jetty = jetty;
    this.connector = connector;
    this.scope = scope;
  }

  ListenerScope scope() {
    return scope;
  }

  @Override
  public void lifeCycleStarting(LifeCycle starting) {
    scope.starting();
  }

  @Override
  public void lifeCycleStopping(LifeCycle stopping) {
    scope.stopping();
  }

  @Nullable ObservedConnection opened(EndPoint endPoint, int workerId) {
    if (!scope.isEnabled()) {
      return null;
    }
    try {
      boolean isTls = isTls();
      return new ObservedConnection(
          scope.opened(
              workerId,
              endPoint.getRemoteSocketAddress(),
              endPoint.getLocalSocketAddress(),
              isTls ? Protocol.UNKNOWN : firstProtocol(),
              isTls,
              System.nanoTime()),
          workerId);
    } catch (Throwable t) {
      scope.fault(t);
      return null;
    }
  }

  @Override
  public void onOpened(Connection connection) {
    try {
      EndPoint socket = SondeJetty.socketOf(connection.getEndPoint());
      ObservedConnection observed;
      if (socket instanceof ObservedEndPoint endPoint) {
        observed = endPoint.observed();
      } else {
        observed = jetty.foreign().computeIfAbsent(socket, s -> opened(s, -1));
      }
      if (observed != null) {
        observed.connectionOpened(connection);
      }
    } catch (Throwable t) {
      scope.fault(t);
    }
  }

  @Override
  public void onClosed(Connection connection) {
    try {
      EndPoint socket = SondeJetty.socketOf(connection.getEndPoint());
      // An upgrade closes the old connection on an endpoint that stays open.
      if (!socket.isOpen()) {
        ObservedConnection observed = jetty.foreign().remove(socket);
        if (observed != null) {
          observed.closedUnexplained(socket.getIdleTimeout());
        }
      }
    } catch (Throwable t) {
      scope.fault(t);
    }
  }

  @Override
  public void handshakeFailed(Event event, Throwable failure) {
    try {
      ObservedConnection observed = jetty.find(event.getEndPoint());
      if (observed != null) {
        observed.handshakeFailed();
      }
    } catch (Throwable t) {
      scope.fault(t);
    }
  }

  private boolean isTls() {
    return connector.getConnectionFactory(SslConnectionFactory.class) != null;
  }

  private Protocol firstProtocol() {
    ConnectionFactory first = connector.getConnectionFactories().iterator().next();
    for (String protocol : first.getProtocols()) {
      if (HttpVersion.HTTP_1_1.is(protocol)) {
        return Protocol.H1;
      }
    }
    return Protocol.UNKNOWN;
  }
}
