// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.WebApplicationType;

/** What an application of Spring MVC gets from the starter, whichever server it runs on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(60)
abstract class MvcContract {
  private final RunningApplication shop;

  MvcContract(String database, List<String> factories) {
    shop =
        RunningApplication.start(
            MvcShop.class,
            WebApplicationType.SERVLET,
            factories,
            "spring.application.name=shop",
            "spring.datasource.url=jdbc:h2:mem:" + database,
            "management.observations.annotations.enabled=true",
            "management.endpoints.web.exposure.include=*",
            "logging.level.root=warn");
  }

  /** The server's name as Sonde tells it, without version. */
  abstract String server();

  @AfterAll
  void close() {
    shop.close();
  }

  @Test
  void boot_isTheLineThatThisRunIsFor() {
    assertThat(SpringBootVersion.getVersion()).isEqualTo(System.getProperty("boot.expected"));
    assertThat(shop.sonde().config().serviceName()).isEqualTo("shop");
  }

  @Test
  void controller_hasItsRouteAndItsStatement() throws IOException, InterruptedException {
    assertThat(shop.get("/orders/2").body()).isEqualTo("42");

    Map<String, Object> request = shop.awaitRequest("GET /orders/{id}", "/orders/2");
    assertThat(request).containsEntry("status", 200).containsEntry("path", "/orders/2");
    assertThat(shop.spans(request))
        .anySatisfy(
            span ->
                assertThat(span)
                    .containsEntry("kind", "DB")
                    .containsEntry("query", "select ? + ?")
                    .containsEntry("rows", 1));
  }

  @Test
  void asynchronousController_hasItsRouteAndItsStatement()
      throws IOException, InterruptedException {
    assertThat(shop.get("/slow/2").body()).isEqualTo("42");

    Map<String, Object> request = shop.awaitRequest("GET /slow/{id}");
    assertThat(request).containsEntry("status", 200);
    assertThat(shop.spans(request))
        .anySatisfy(
            span ->
                assertThat(span)
                    .containsEntry("kind", "DB")
                    .containsEntry("query", "select ? + ?"));
  }

  @Test
  void functionalEndpoint_hasItsRoute() throws IOException, InterruptedException {
    assertThat(shop.get("/items/7").body()).isEqualTo("7");

    assertThat(shop.awaitRequest("GET /items/{id}", "/items/7")).containsEntry("status", 200);
  }

  @Test
  void controllerThatThrows_keepsItsRouteAndTellsWhat() throws IOException, InterruptedException {
    assertThat(shop.get("/fails/1").statusCode()).isEqualTo(500);

    assertThat(shop.awaitRequest("GET /fails/{id}"))
        .containsEntry("status", 500)
        .containsEntry("error_type", "java.lang.IllegalStateException");
  }

  @Test
  void profiledMethod_isAFunctionOfItsRequest() throws IOException, InterruptedException {
    assertThat(shop.get("/prices/7").body()).isEqualTo("7 EUR");

    assertThat(shop.spans(shop.awaitRequest("GET /prices/{id}")))
        .anySatisfy(
            span ->
                assertThat(span).containsEntry("kind", "FN").containsEntry("name", "price.quote"));
  }

  @Test
  void profiledMethod_throwsWhatItThrows() throws IOException, InterruptedException {
    assertThat(shop.get("/refused/7").statusCode()).isEqualTo(500);

    Map<String, Object> request = shop.awaitRequest("GET /refused/{id}");
    assertThat(request).containsEntry("error_type", "java.io.IOException");
    assertThat(shop.spans(request))
        .anySatisfy(
            span ->
                assertThat(span)
                    .containsEntry("name", "Prices.refuse")
                    .containsEntry("error_type", "java.io.IOException"));
  }

  @Test
  void observedMethod_isAFunctionWithinTheTraceOfTheTracer()
      throws IOException, InterruptedException {
    String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    shop.get("/prices/8", Map.of("traceparent", "00-" + trace + "-00f067aa0ba902b7-01"));
    Map<String, Object> request = shop.awaitRequest("GET /prices/{id}", "/prices/8");

    assertThat(request).containsEntry("trace_id", trace);
    assertThat(shop.spans(request))
        .anySatisfy(
            span ->
                assertThat(span)
                    .containsEntry("kind", "FN")
                    .containsEntry("name", "price discount"));
  }

  @Test
  void request_hasTheIdsOfTheTracersSpan() throws IOException, InterruptedException {
    String[] ids = shop.get("/trace").body().split(" ", 2);

    assertThat(shop.awaitRequest("GET /trace"))
        .containsEntry("trace_id", ids[0])
        .containsEntry("span_id", ids[1]);
  }

  @Test
  void endpoint_tellsTheSameNumbers() throws IOException, InterruptedException {
    shop.get("/items/1");
    shop.awaitRequest("GET /items/{id}");

    assertThat(shop.get("/actuator/sonde").body())
        .contains("\"service\":\"shop\"", "\"name\":\"/items/{id}\"", "\"conserved\":true");
  }

  @Test
  void healthProbe_isLeftOut() throws IOException, InterruptedException {
    assertThat(shop.get("/actuator/health").statusCode()).isEqualTo(200);
    shop.get("/items/afterwards");

    await().untilAsserted(() -> assertThat(shop.paths()).contains("/items/afterwards"));
    assertThat(shop.paths()).noneMatch(path -> path.startsWith("/actuator/health"));
  }

  @Test
  void pool_isStillTheOneThatActuatorMeasures() throws IOException, InterruptedException {
    shop.get("/orders/1");

    assertThat(shop.get("/actuator/metrics/hikaricp.connections.max").statusCode()).isEqualTo(200);
  }

  @Test
  void dataSource_keepsItsClass() {
    assertThat(shop.bean(HikariDataSource.class)).isSameAs(shop.bean(DataSource.class));
  }

  @Test
  void announcement_namesTheServerAndTheDashboard() {
    assertThat(shop.bean(Announcement.class).line())
        .startsWith("[sonde] ")
        .contains(server(), "jdbc", shop.bean(Dashboard.class).url());
  }

  @Test
  void connection_isWatched() throws IOException, InterruptedException {
    shop.get("/items/9");

    await().untilAsserted(() -> assertThat(shop.sonde().stats().connections().open()).isPositive());
  }

  @Test
  void health_namesTheServerAndTheDatabase() throws IOException, InterruptedException {
    shop.get("/items/1");

    assertThat(RunningApplication.list(shop.document("health.json"), "hooks"))
        .extracting(hook -> String.valueOf(hook.get("name")))
        .anyMatch(name -> name.startsWith(server()))
        .contains("jdbc");
  }
}
