// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.helidon.SondeHelidon;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.WebServerConfig;
import io.helidon.webserver.http.HttpRouting;
import org.jspecify.annotations.Nullable;

/** On Helidon; found by its name, because only newer JDKs compile it. */
final class HelidonHello implements HelloServer {
  private final WebServer server;

  private HelidonHello(WebServer server) {
    this.server = server;
  }

  static HelidonHello start(Hello hello, @Nullable Sonde sonde) {
    WebServerConfig.Builder builder =
        WebServer.builder()
            .shutdownHook(false)
            .host(ADDRESS)
            .port(0)
            .routing(
                HttpRouting.builder()
                    .get(
                        "/hello",
                        (request, response) -> {
                          response.header(HeaderNames.CONTENT_TYPE, Hello.TYPE);
                          response.send(hello.answer());
                        }));
    return new HelidonHello(
        (sonde == null ? builder : SondeHelidon.observe(builder, sonde)).build().start());
  }

  @Override
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    WebServer unused = server.stop();
  }
}
