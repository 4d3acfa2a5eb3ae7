// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.HelidonServiceLoader;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ProtocolConfigs;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ProtocolConfig;
import io.helidon.webserver.spi.ServerConnectionSelector;
import io.helidon.webserver.spi.ServerConnectionSelectorProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the selectors that a listener has by its configuration. */
final class Selectors {
  private Selectors() {}

  /**
   * First those that are given, then those of the protocols, as the listener itself orders them.
   */
  static List<ServerConnectionSelector> of(ListenerConfig config) {
    List<ProtocolConfig> observed =
        config.protocols().stream()
            .map(protocol -> protocol instanceof Http1Config http1 ? observed(http1) : protocol)
            .toList();
    ProtocolConfigs protocols = ProtocolConfigs.create(observed);
    List<ServerConnectionSelector> selectors = new ArrayList<>();
    for (ServerConnectionSelector given : config.connectionSelectors()) {
      selectors.add(given instanceof Http1ConnectionSelector http1 ? observed(http1) : given);
    }
    for (ServerConnectionSelectorProvider<?> provider :
        HelidonServiceLoader.create(ServiceLoader.load(ServerConnectionSelectorProvider.class))
            .asList()) {
      add(provider, config.name(), protocols, selectors);
    }
    return List.copyOf(selectors);
  }

  private static <T extends ProtocolConfig> void add(
      ServerConnectionSelectorProvider<T> provider,
      String socket,
      ProtocolConfigs protocols,
      List<ServerConnectionSelector> selectors) {
    for (T config : protocols.config(provider.protocolType(), provider.protocolConfigType())) {
      selectors.add(provider.create(socket, config, protocols));
    }
  }

  private static ServerConnectionSelector observed(Http1ConnectionSelector selector) {
    Http1Config config = selector.prototype().config();
    return Http1ConnectionSelector.builder()
        .from(selector.prototype())
        .config(observed(config))
        .build();
  }

  /** Of several listeners Helidon 4.5.0 calls none, so ours calls the others. */
  private static Http1Config observed(Http1Config config) {
    return Http1Config.builder(config)
        .receiveListeners(List.of(new HeadListener(config.compositeReceiveListener())))
        .build();
  }
}
