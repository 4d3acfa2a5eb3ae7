// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.WebApplicationType;

/** A server that no adapter watches. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
final class ServletFilterIT {
  private final RunningApplication shop =
      RunningApplication.start(
          MvcShop.class,
          WebApplicationType.SERVLET,
          List.of(
              "org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory",
              "org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory"),
          "spring.autoconfigure.exclude=dev.sonde.spring.SondeWebServerAutoConfiguration",
          "spring.datasource.url=jdbc:h2:mem:filter",
          "logging.level.root=warn");

  @AfterAll
  void close() {
    shop.close();
  }

  @Test
  void request_hasItsRouteAndItsStatement() throws IOException, InterruptedException {
    assertThat(shop.get("/orders/2").body()).isEqualTo("42");

    Map<String, Object> request = shop.awaitRequest("GET /orders/{id}");
    assertThat(request).containsEntry("status", 200).containsEntry("path", "/orders/2");
    assertThat(shop.spans(request))
        .anySatisfy(span -> assertThat(span).containsEntry("kind", "DB"));
  }

  @Test
  void asynchronousRequest_lastsUntilItsEnd() throws IOException, InterruptedException {
    assertThat(shop.get("/slow/2").body()).isEqualTo("42");

    Map<String, Object> request = shop.awaitRequest("GET /slow/{id}");
    assertThat(request).containsEntry("status", 200);
    assertThat(shop.spans(request))
        .anySatisfy(span -> assertThat(span).containsEntry("kind", "DB"));
  }

  @Test
  void failure_tellsWhat() throws IOException, InterruptedException {
    assertThat(shop.get("/fails/1").statusCode()).isEqualTo(500);

    assertThat(shop.awaitRequest("GET /fails/{id}"))
        .containsEntry("status", 500)
        .containsEntry("error_type", "java.lang.IllegalStateException");
  }

  @Test
  void caller_isTheParentOfItsTrace() throws IOException, InterruptedException {
    String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    shop.get("/items/1", Map.of("traceparent", "00-" + trace + "-00f067aa0ba902b7-01"));

    assertThat(shop.awaitRequest("GET /items/{id}")).containsEntry("trace_id", trace);
  }
}
