// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.BufferData;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Stands for all selectors of a listener.
 *
 * <p>Where there is one only, Helidon asks it for a connection as soon as it has accepted one.
 */
final class ObservingSelector implements ServerConnectionSelector {
  private final ListenerWatch watch;
  private final List<ServerConnectionSelector> selectors;
  private final Set<String> protocols = new LinkedHashSet<>();

  /**
   * @param selectors those that it stands for, in the listener's order
   */
  ObservingSelector(ListenerWatch watch, List<ServerConnectionSelector> selectors) {
    this.watch = watch;
    this.selectors = selectors;
    selectors.forEach(selector -> protocols.addAll(selector.supportedApplicationProtocols()));
  }

  @Override
  public int bytesToIdentifyConnection() {
    return 0;
  }

  @Override
  public Support supports(BufferData data) {
    return Support.SUPPORTED;
  }

  @Override
  public Set<String> supportedApplicationProtocols() {
    return protocols;
  }

  @Override
  public ServerConnection connection(ConnectionContext ctx) {
    return new SelectedConnection(watch.opened(ctx), selectors);
  }
}
