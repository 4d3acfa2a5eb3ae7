// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static java.util.Objects.requireNonNull;

import io.micrometer.observation.annotation.Observed;
import io.micrometer.tracing.TraceContext;
import io.micrometer.tracing.Tracer;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.function.RouterFunction;
import org.springframework.web.servlet.function.RouterFunctions;
import org.springframework.web.servlet.function.ServerResponse;

/** An application of Spring MVC. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import({MvcShop.Orders.class, MvcShop.Prices.class})
class MvcShop {
  @Bean
  RouterFunction<ServerResponse> items() {
    return RouterFunctions.route()
        .GET("/items/{id}", request -> ServerResponse.ok().body(request.pathVariable("id")))
        .build();
  }

  static class Prices {
    @Profiled("price.quote")
    CompletionStage<String> quote(String id) {
      return CompletableFuture.completedFuture(id + " EUR");
    }

    @Profiled
    String refuse(String id) throws IOException {
      throw new IOException("no price of " + id);
    }

    @Observed(name = "price.discount", contextualName = "price discount")
    String discount(String id) {
      return id;
    }
  }

  @RestController
  static class Orders {
    private final JdbcTemplate database;
    private final Prices prices;
    private final Tracer tracer;

    Orders(JdbcTemplate database, Prices prices, Tracer tracer) {
      this.database = database;
      this.prices = prices;
      this.tracer = tracer;
    }

    @GetMapping("/trace")
    String trace() {
      TraceContext ids = requireNonNull(tracer.currentSpan()).context();
      return ids.traceId() + " " + ids.spanId();
    }

    @GetMapping("/prices/{id}")
    CompletionStage<String> price(@PathVariable("id") String id) {
      return prices.quote(prices.discount(id));
    }

    @GetMapping("/refused/{id}")
    String refused(@PathVariable("id") String id) throws IOException {
      return prices.refuse(id);
    }

    @GetMapping("/orders/{id}")
    String order(@PathVariable("id") int id) {
      return "" + database.queryForObject("select 40 + ?", Integer.class, id);
    }

    @GetMapping("/slow/{id}")
    Callable<String> later(@PathVariable("id") int id) {
      return () -> order(id);
    }

    @GetMapping("/fails/{id}")
    String failure(@PathVariable("id") int id) {
      throw new IllegalStateException("order " + id);
    }
  }
}
