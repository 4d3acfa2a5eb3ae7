// SPDX-License-Identifier: Apache-2.0
package dev.sonde.examples.virtualthreads;

import dev.sonde.spring.Profiled;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Service;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/**
 * A shop whose requests each have a virtual thread: {@code curl localhost:8080/orders/7}, {@code
 * /fails}.
 */
@SpringBootApplication
public class VirtualThreadsShop {
  /** Made by Spring. */
  public VirtualThreadsShop() {}

  /** Starts it on port 8080; the dashboard's address is printed. */
  public static void main(String[] args) {
    SpringApplication.run(VirtualThreadsShop.class, args);
  }

  @Service
  static class Orders {
    private final JdbcTemplate database;

    Orders(JdbcTemplate database) {
      this.database = database;
    }

    @Profiled("order.total")
    String total(int id) {
      return database.queryForObject("select 35 + ?", Integer.class, id) + " EUR";
    }
  }

  @RestController
  static class Shop {
    private final Orders orders;

    Shop(Orders orders) {
      this.orders = orders;
    }

    @GetMapping("/orders/{id}")
    String order(@PathVariable("id") int id) {
      return orders.total(id) + " by " + Thread.currentThread();
    }

    @GetMapping("/fails")
    String failure() {
      throw new IllegalStateException("out of stock");
    }
  }
}
