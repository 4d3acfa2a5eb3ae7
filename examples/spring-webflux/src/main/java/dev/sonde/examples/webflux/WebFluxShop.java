// SPDX-License-Identifier: Apache-2.0
package dev.sonde.examples.webflux;

import dev.sonde.spring.Profiled;
import java.time.Duration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.stereotype.Service;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** A shop of WebFlux: {@code curl localhost:8080/prices/7}, {@code /ticks}, {@code /hello/you}. */
@SpringBootApplication
public class WebFluxShop {
  /** Made by Spring. */
  public WebFluxShop() {}

  /** Starts it on port 8080; the dashboard's address is printed. */
  public static void main(String[] args) {
    SpringApplication.run(WebFluxShop.class, args);
  }

  @Bean
  RouterFunction<ServerResponse> greeting() {
    return RouterFunctions.route()
        .GET(
            "/hello/{name}",
            request -> ServerResponse.ok().bodyValue("Hello " + request.pathVariable("name")))
        .build();
  }

  @Service
  static class Prices {
    @Profiled("price.quote")
    Mono<String> quote(String id) {
      return Mono.just(id + ": 42 EUR").delayElement(Duration.ofMillis(20));
    }
  }

  @RestController
  static class Shop {
    private final Prices prices;

    Shop(Prices prices) {
      this.prices = prices;
    }

    @GetMapping("/prices/{id}")
    Mono<String> price(@PathVariable("id") String id) {
      return prices.quote(id);
    }

    @GetMapping(path = "/ticks", produces = "text/event-stream")
    Flux<Long> ticks() {
      return Flux.interval(Duration.ofMillis(500)).take(20);
    }
  }
}
