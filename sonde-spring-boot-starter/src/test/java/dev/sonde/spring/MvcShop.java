// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import java.util.concurrent.Callable;
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
@Import(MvcShop.Orders.class)
class MvcShop {
  @Bean
  RouterFunction<ServerResponse> items() {
    return RouterFunctions.route()
        .GET("/items/{id}", request -> ServerResponse.ok().body(request.pathVariable("id")))
        .build();
  }

  @RestController
  static class Orders {
    private final JdbcTemplate database;

    Orders(JdbcTemplate database) {
      this.database = database;
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
