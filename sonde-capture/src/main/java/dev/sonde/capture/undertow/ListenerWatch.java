// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import io.undertow.Version;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.OpenListener;
import io.undertow.server.ServerConnection;
import io.undertow.server.protocol.http2.Http2UpgradeHandler;
import io.undertow.util.AttachmentKey;
import java.net.SocketAddress;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.xnio.ChannelListener;
import org.xnio.ChannelListeners;
import org.xnio.StreamConnection;
import org.xnio.channels.AcceptingChannel;

/** One listener: its connections from their accept on, and the requests that come on them. */
final class ListenerWatch implements ChannelListener<StreamConnection> {
  private static final AttachmentKey<ObservedConnection> CONNECTION =
      AttachmentKey.create(ObservedConnection.class);

  private final ListenerScope scope;
  private final boolean isTls;
  private final OpenListener openListener;
  private final AcceptingChannel<StreamConnection> channel;

  /**
   * By their addresses. They are all that an HTTP/2 stream knows of its connection; each connection
   * is looked up once and then attached.
   */
  private final Map<Ends, ObservedConnection> connections = new ConcurrentHashMap<>();

  private ListenerWatch(ListenerScope scope, OpenListeners.Listener listener) {
    this.scope = scope;
    isTls = listener.isTls();
    openListener = listener.openListener();
    channel = listener.channel();
  }

  /** Puts itself before and behind the listener, if anybody wants to know. */
  static void install(
      OpenListeners.Listener listener,
      BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    OpenListener openListener = listener.openListener();
    HttpHandler root = openListener.getRootHandler();
    if (root instanceof ObservingHandler || root instanceof ObservedUpgrade) {
      throw new IllegalStateException("the server is observed already");
    }
    Http2Streams.check();
    ListenerScope scope =
        listeners.apply("Undertow " + Version.getVersionString(), capabilities(listener.isTls()));
    if (!scope.isEnabled()) {
      return;
    }
    ListenerWatch watch = new ListenerWatch(scope, listener);
    HttpHandler observing = new ObservingHandler(listener.application(), watch);
    // The upgrade hands the request that asks for it on as the first of HTTP/2: it comes once.
    openListener.setRootHandler(
        root instanceof Http2UpgradeHandler ? new ObservedUpgrade(observing) : observing);
    acceptSetter(listener.channel()).set(ChannelListeners.openListenerAdapter(watch));
  }

  private static Set<Capability> capabilities(boolean isTls) {
    EnumSet<Capability> capabilities = EnumSet.allOf(Capability.class);
    capabilities.remove(Capability.PASSIVE_DISCONNECT);
    capabilities.remove(Capability.BLOCKED_WRITES);
    if (isTls) {
      capabilities.remove(Capability.WIRE_BYTES);
    }
    return capabilities;
  }

  @SuppressWarnings("unchecked") // a setter takes the listeners of its own channel
  private static ChannelListener.Setter<AcceptingChannel<StreamConnection>> acceptSetter(
      AcceptingChannel<StreamConnection> channel) {
    return (ChannelListener.Setter<AcceptingChannel<StreamConnection>>) channel.getAcceptSetter();
  }

  /** A connection was accepted; on its I/O thread. */
  @Override
  public void handleEvent(StreamConnection accepted) {
    try {
      opened(accepted);
    } catch (Throwable t) {
      scope.fault(t);
    }
    openListener.handleEvent(accepted);
  }

  private void opened(StreamConnection accepted) {
    SocketAddress peer = accepted.getPeerAddress();
    SocketAddress local = accepted.getLocalAddress();
    ConnectionState state =
        scope.opened(
            accepted.getIoThread().getNumber(),
            peer,
            local,
            Protocol.UNKNOWN,
            isTls,
            System.nanoTime());
    ObservedConnection connection = new ObservedConnection(state);
    Ends ends = new Ends(peer, local);
    // First, so that whatever fails below the close is told; Undertow's own are called after it.
    accepted.setCloseListener(closed -> closed(ends, connection));
    connections.put(ends, connection);
    accepted
        .getSourceChannel()
        .setConduit(new ObservedSource(accepted.getSourceChannel().getConduit(), connection));
    accepted
        .getSinkChannel()
        .setConduit(new ObservedSink(accepted.getSinkChannel().getConduit(), connection));
    if (!accepted.isOpen()) {
      // Its listener may have come before the put, or never.
      closed(ends, connection);
    }
  }

  private void closed(Ends ends, ObservedConnection connection) {
    try {
      connections.remove(ends, connection);
      if (!channel.isOpen()) {
        scope.stopping();
      }
    } catch (Throwable t) {
      scope.fault(t);
    }
    connection.closed();
  }

  /** A request has come; returns null if its connection is not observed. */
  @Nullable ObservedRequest begin(HttpServerExchange exchange) {
    try {
      ObservedConnection connection = connectionOf(exchange.getConnection());
      return connection == null ? null : ObservedRequest.begin(connection, exchange);
    } catch (Throwable t) {
      scope.fault(t);
      return null;
    }
  }

  private @Nullable ObservedConnection connectionOf(ServerConnection server) {
    ObservedConnection connection = server.getAttachment(CONNECTION);
    if (connection == null) {
      SocketAddress peer = server.getPeerAddress();
      connection = peer == null ? null : connections.get(new Ends(peer, server.getLocalAddress()));
      if (connection != null) {
        server.putAttachment(CONNECTION, connection);
      }
    }
    return connection;
  }

  /**
   * Both ends of a connection: one client port may be connected to several addresses of a listener.
   *
   * @param peer the client's, or null if the socket is already gone
   * @param local the server's, or null if the socket is already gone
   */
  private record Ends(@Nullable SocketAddress peer, @Nullable SocketAddress local) {}

  /** Undertow's upgrade to HTTP/2, to be told from one that is not observed. */
  private static final class ObservedUpgrade extends Http2UpgradeHandler {
    ObservedUpgrade(HttpHandler next) {
      super(next);
    }
  }
}
