// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.jetty.SondeJetty;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.jetty12.server.TimedHandler;
import java.nio.ByteBuffer;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** On Jetty's core. */
public final class JettyHello implements HelloServer {
  private final Server server;
  private final ServerConnector connector;

  private JettyHello(Server server, ServerConnector connector) throws Exception {
    this.server = server;
    this.connector = connector;
    connector.setHost(ADDRESS);
    server.addConnector(connector);
    server.start();
  }

  static JettyHello start(Hello hello, @Nullable Sonde sonde) throws Exception {
    Server server = new Server();
    server.setHandler(new Answering(hello));
    return new JettyHello(
        server, sonde == null ? new ServerConnector(server) : SondeJetty.connector(server, sonde));
  }

  /** Starts it with Micrometer's handler, which measures percentiles. */
  public static JettyHello startWithMicrometer(Hello hello) throws Exception {
    Server server = new Server();
    server.setHandler(new Answering(hello));
    server.insertHandler(new TimedHandler(withPercentiles(), List.of()));
    return new JettyHello(server, new ServerConnector(server));
  }

  private static MeterRegistry withPercentiles() {
    MeterRegistry registry = new SimpleMeterRegistry();
    DistributionStatisticConfig percentiles =
        DistributionStatisticConfig.builder().percentiles(0.5, 0.9, 0.99).build();
    registry
        .config()
        .meterFilter(
            new MeterFilter() {
              @Override
              public DistributionStatisticConfig configure(
                  Meter.Id id, DistributionStatisticConfig config) {
                return percentiles.merge(config);
              }
            });
    return registry;
  }

  @Override
  public int port() {
    return connector.getLocalPort();
  }

  @Override
  public void close() throws Exception {
    server.stop();
  }

  private static final class Answering extends Handler.Abstract {
    private final Hello hello;

    Answering(Hello hello) {
      this.hello = hello;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      byte[] body = hello.answer();
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, Hello.TYPE);
      response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
      response.write(true, ByteBuffer.wrap(body), callback);
      return true;
    }
  }
}
