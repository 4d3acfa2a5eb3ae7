// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import io.helidon.common.socket.PeerInfo;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.Router;
import java.net.SocketAddress;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One listening socket of a server. */
final class ListenerWatch {
  private final ListenerScope scope;
  private final ListenerConfig config;

  // Of a listener there is one each; made twice by two first connections they are the same.
  private volatile @Nullable ObservedRouter router;
  private volatile @Nullable ObservedListener listener;

  /**
   * @param config as the application made it
   */
  ListenerWatch(ListenerScope scope, ListenerConfig config) {
    this.scope = scope;
    this.config = config;
  }

  /** A connection was accepted; it is served unobserved if observing it fails. */
  ConnectionContext opened(ConnectionContext context) {
    ConnectionState state = null;
    try {
      state =
          scope.opened(
              -1,
              address(context::remotePeer),
              address(context::localPeer),
              Protocol.UNKNOWN,
              context.isSecure(),
              System.nanoTime());
      return new ObservedContext(context, this, new ObservedConnection(state));
    } catch (Throwable t) {
      scope.fault(t);
      if (state != null) {
        state.closed(Initiator.UNKNOWN, null, System.nanoTime());
      }
      ListenerContext original = original(context.listenerContext());
      return new ForwardingContext(context) {
        @Override
        public ListenerContext listenerContext() {
          return original;
        }
      };
    }
  }

  Router observed(Router plain) {
    ObservedRouter known = router;
    if (known == null || known.router() != plain) {
      known = new ObservedRouter(plain);
      router = known;
    }
    return known;
  }

  /**
   * The listener with its original configuration, in which Helidon's WebSockets look for theirs.
   */
  ListenerContext original(ListenerContext plain) {
    ObservedListener known = listener;
    if (known == null || known.listener() != plain) {
      known = new ObservedListener(plain, config, plain.directHandlers());
      listener = known;
    }
    return known;
  }

  /** The peer may be gone already. */
  private static @Nullable SocketAddress address(Supplier<PeerInfo> peer) {
    try {
      return peer.get().address();
    } catch (RuntimeException e) {
      return null;
    }
  }
}
