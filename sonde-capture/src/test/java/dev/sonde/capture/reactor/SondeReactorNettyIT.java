// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.RecordingCollector;
import dev.sonde.testkit.net.RawHttpClient;
import java.util.Arrays;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;

@Timeout(30)
final class SondeReactorNettyIT {
  private final RecordingCollector collector = new RecordingCollector();

  @Test
  void stream_isCountedToItsLastByteAndHasTheRouteThatWasSaid() throws Exception {
    byte[] chunk = new byte[1000];
    Arrays.fill(chunk, (byte) 'x');
    HttpServer server =
        HttpServer.create()
            .host("127.0.0.1")
            .port(0)
            .handle(
                (request, response) -> {
                  SondeReactorNetty.route(request, "/streams/{id}");
                  return response.sendByteArray(Flux.range(0, 5).map(each -> chunk));
                });

    ResponseCompleted completed = served(server, "/streams/7", 5000);

    assertThat(completed.status()).isEqualTo(200);
    assertThat(completed.bytesSent()).isEqualTo(5000);
    assertThat(completed.route()).isEqualTo("/streams/{id}");
  }

  @Test
  void wholeBody_isCounted() throws Exception {
    HttpServer server =
        HttpServer.create()
            .host("127.0.0.1")
            .port(0)
            .handle((request, response) -> response.sendString(Mono.just("hello")));

    assertThat(served(server, "/", 5).bytesSent()).isEqualTo(5);
  }

  @Test
  void streamWithALength_mayBeMoreThanTheSocketTakes() throws Exception {
    // Its parts go to the socket with promises that take no listeners.
    byte[] chunk = new byte[65_536];
    int length = 256 * chunk.length;
    HttpServer server =
        HttpServer.create()
            .host("127.0.0.1")
            .port(0)
            .handle(
                (request, response) ->
                    response
                        .header("Content-Length", Integer.toString(length))
                        .sendByteArray(Flux.range(0, 256).map(each -> chunk)));

    assertThat(served(server, "/", length).bytesSent()).isEqualTo(length);
  }

  private ResponseCompleted served(HttpServer server, String path, int length) throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build(), collector)) {
      DisposableServer bound = SondeReactorNetty.observe(server, sonde).bindNow();
      int clientPort;
      try (RawHttpClient client = RawHttpClient.connect(bound.port())) {
        assertThat(client.get(path).text().getBytes(ISO_8859_1)).hasSize(length);
        clientPort = client.localPort();
      }
      await()
          .untilAsserted(
              () ->
                  assertThat(collector.events())
                      .hasAtLeastOneElementOfType(ConnectionClosed.class));
      bound.disposeNow();
      assertThat(sonde.health().faults()).isEmpty();
      return Objects.requireNonNull(collector.connectionFrom(clientPort))
          .only(ResponseCompleted.class);
    }
  }
}
