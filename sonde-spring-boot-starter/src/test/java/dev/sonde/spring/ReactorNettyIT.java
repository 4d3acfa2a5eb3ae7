// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.WebApplicationType;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class ReactorNettyIT {
  private final RunningApplication shop =
      RunningApplication.start(
          FluxShop.class,
          WebApplicationType.REACTIVE,
          List.of(
              "org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory",
              "org.springframework.boot.reactor.netty.NettyReactiveWebServerFactory"),
          "spring.datasource.url=jdbc:h2:mem:flux",
          "logging.level.root=warn");

  @AfterAll
  void close() {
    shop.close();
  }

  @Test
  void controller_hasItsRouteAndItsFunction() throws IOException, InterruptedException {
    assertThat(shop.get("/prices/7").body()).isEqualTo("7 EUR");

    Map<String, Object> request = shop.awaitRequest("GET /prices/{id}");
    assertThat(request).containsEntry("status", 200).containsEntry("path", "/prices/7");
    assertThat(shop.spans(request))
        .anySatisfy(
            span ->
                assertThat(span).containsEntry("kind", "FN").containsEntry("name", "price.quote"));
  }

  @Test
  void functionalEndpoint_hasItsRoute() throws IOException, InterruptedException {
    assertThat(shop.get("/items/7").body()).isEqualTo("7");

    assertThat(shop.awaitRequest("GET /items/{id}", "/items/7")).containsEntry("status", 200);
  }

  @Test
  void controllerThatFails_keepsItsRouteAndTellsWhat() throws IOException, InterruptedException {
    assertThat(shop.get("/fails/1").statusCode()).isEqualTo(500);

    assertThat(shop.awaitRequest("GET /fails/{id}"))
        .containsEntry("status", 500)
        .containsEntry("error_type", "java.lang.IllegalStateException");
  }

  @Test
  void connection_isWatched() throws IOException, InterruptedException {
    shop.get("/items/8");

    await().untilAsserted(() -> assertThat(shop.sonde().stats().connections().open()).isPositive());
    assertThat(shop.sonde().health().hooks())
        .anyMatch(hook -> hook.name().startsWith("Netty") && !hook.capabilities().isEmpty());
  }
}
