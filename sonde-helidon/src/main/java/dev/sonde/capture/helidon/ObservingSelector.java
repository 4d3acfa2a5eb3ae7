// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.HelidonServiceLoader;
import io.helidon.common.buffers.BufferData;
import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.http.Status;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ProtocolConfigs;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionListener;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ProtocolConfig;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import io.helidon.webserver.spi.ServerConnectionSelectorProvider;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;

/**
 * Stands for all selectors of a listener.
 *
 * <p>Where there is one only, Helidon asks it for a connection as soon as it has accepted one.
 */
final class ObservingSelector implements ServerConnectionSelector {
  private final ListenerWatch watch;

  /** Those that it stands for, in the listener's order. */
  private final List<ServerConnectionSelector> selectors;

  private final Set<String> protocols = new LinkedHashSet<>();

  /**
   * @param config as the application made it
   */
  ObservingSelector(ListenerWatch watch, ListenerConfig config) {
    this.watch = watch;
    selectors = selectorsOf(config);
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

  /**
   * First those that are given, then those of the protocols, as the listener itself orders them.
   */
  private static List<ServerConnectionSelector> selectorsOf(ListenerConfig config) {
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

  /**
   * Hears of the heads of HTTP/1 when they are parsed.
   *
   * @param next what the application wants to hear of them
   */
  private record HeadListener(Http1ConnectionListener next) implements Http1ConnectionListener {
    @Override
    public void prologue(ConnectionContext ctx, HttpPrologue prologue) {
      if (ctx instanceof ObservedContext observed) {
        observed.connection().prologue(prologue);
      }
      next.prologue(ctx, prologue);
    }

    @Override
    public void headers(ConnectionContext ctx, Headers headers) {
      if (ctx instanceof ObservedContext observed) {
        observed.head(headers);
      }
      next.headers(ctx, headers);
    }

    @Override
    public void status(ConnectionContext ctx, Status status) {
      next.status(ctx, status);
    }

    @Override
    public void data(ConnectionContext ctx, BufferData data) {
      next.data(ctx, data);
    }

    @Override
    public void data(ConnectionContext ctx, byte[] bytes, int offset, int length) {
      next.data(ctx, bytes, offset, length);
    }
  }
}
