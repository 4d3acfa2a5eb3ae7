// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.Sonde;
import dev.sonde.collect.Emitter;
import dev.sonde.event.Outcome;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/** Work of a small shop, reported through the real emitter. */
@NullMarked
final class Traffic {
  private static final String[] ROUTES = {
    "/", "/products", "/products/{id}", "/cart", "/search", "/login"
  };

  private final Sonde sonde;

  Traffic(Sonde sonde) {
    this.sonde = sonde;
  }

  /** Reports some requests of each route: most good, some slow, failed or left by the client. */
  void shop(int rounds) {
    for (int i = 0; i < rounds; i++) {
      for (int r = 0; r < ROUTES.length; r++) {
        long micros = 800L * (r + 1) + (i * 37L) % 900 + (i % 40 == 0 ? 150_000 : 0);
        request(
            "GET",
            ROUTES[r],
            ROUTES[r].replace("{id}", "" + i),
            200,
            Outcome.COMPLETED,
            micros,
            null,
            2);
      }
      if (i % 20 == 0) {
        request(
            "POST",
            "/checkout",
            "/checkout",
            500,
            Outcome.APP_ERROR,
            42_000,
            new IllegalStateException("card declined"),
            1);
        request(
            "GET", "/export", "/export", 200, Outcome.CLIENT_ABORT_DURING_BODY, 90_000, null, 0);
      }
    }
    request("GET", "/orders", "/orders", 200, Outcome.COMPLETED, 412_000, null, 48);
  }

  void request(
      String method,
      String route,
      String path,
      int status,
      Outcome outcome,
      long micros,
      @Nullable Throwable error,
      int statements) {
    Emitter emitter = sonde.emitter();
    try (TraceContext.Scope ignored = TraceContext.use(Span.root())) {
      for (int i = 0; i < statements; i++) {
        statement("SELECT id, name FROM product WHERE id = ?", micros / 60);
      }
      emitter.function("price.calculate", TimeUnit.MICROSECONDS.toNanos(micros / 20), null);
      emitter.request(
          method,
          route,
          path,
          status,
          outcome,
          TimeUnit.MICROSECONDS.toNanos(micros),
          120,
          4096,
          error);
    }
  }

  void statement(String query, long micros) {
    sonde
        .emitter()
        .database(
            "h2",
            "shop",
            "SELECT",
            "product",
            query,
            query.hashCode(),
            1,
            TimeUnit.MICROSECONDS.toNanos(micros),
            System.nanoTime(),
            false,
            null,
            1);
  }
}
