// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.reactive.function.server.RouterFunction;
import org.springframework.web.reactive.function.server.RouterFunctions;
import org.springframework.web.reactive.function.server.ServerResponse;
import reactor.core.publisher.Mono;

/** An application of WebFlux. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import({FluxShop.Orders.class, FluxShop.Prices.class})
class FluxShop {
  @Bean
  RouterFunction<ServerResponse> items() {
    return RouterFunctions.route()
        .GET("/items/{id}", request -> ServerResponse.ok().bodyValue(request.pathVariable("id")))
        .build();
  }

  static class Prices {
    @Profiled("price.quote")
    Mono<String> quote(String id) {
      return Mono.just(id + " EUR");
    }
  }

  @RestController
  static class Orders {
    private final Prices prices;

    Orders(Prices prices) {
      this.prices = prices;
    }

    @GetMapping("/prices/{id}")
    Mono<String> price(@PathVariable("id") String id) {
      return prices.quote(id);
    }

    @GetMapping("/fails/{id}")
    Mono<String> failure(@PathVariable("id") int id) {
      return Mono.error(new IllegalStateException("order " + id));
    }
  }
}
