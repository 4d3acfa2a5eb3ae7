// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.cli.demo.shop.ShopDatabase.Product;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A small shop, written once for every server.
 *
 * <p>Three faults are planted for the user to find: the reviews page asks the database once per
 * review, checkouts fail in bursts, and exports are so long that clients give up on them.
 */
public final class Shop {
  /** Body of one export in bytes; sockets cannot hold it, so a client that leaves cuts it short. */
  static final int EXPORT_BYTES = 24 * 1024 * 1024;

  private static final byte[] EXPORT_LINE =
      "4711;Product;4299;in stock;a line of the catalogue\n"
          .repeat(80)
          .getBytes(StandardCharsets.UTF_8);

  /** Bytes of each event of a stream. */
  public static final int TICK_BYTES = 16;

  /** Events of one stream. */
  static final int TICKS = 12;

  private static final long TICK_NANOS = 250_000_000;

  private static final Set<String> PAGES =
      Set.of(
          "/",
          "/products",
          "/search",
          "/orders",
          "/checkout",
          "/recommendations",
          "/export",
          "/stock");

  private final ShopDatabase database;
  private final Sonde sonde;
  private final ExecutorService background;

  Shop(ShopDatabase database, Sonde sonde, ExecutorService background) {
    this.database = database;
    this.sonde = sonde;
    this.background = background;
  }

  /** Answers one request; what it throws is the server's to answer. */
  void answer(ShopExchange exchange) throws IOException, SQLException {
    String path = exchange.path();
    String template = templateOf(path);
    if (template == null) {
      write(exchange, 404, "there is no such page\n");
      return;
    }
    exchange.route(template);
    switch (template) {
      case "/" -> write(exchange, 200, "Welcome to the shop\n");
      case "/products" -> products(exchange);
      case "/products/{id}" -> product(exchange);
      case "/reviews/{product}" -> reviews(exchange);
      case "/search" -> search(exchange);
      case "/orders" -> order(exchange);
      case "/checkout" -> checkout(exchange);
      case "/recommendations" -> recommendations(exchange);
      case "/export" -> export(exchange);
      case "/stock" -> stock(exchange);
      default -> throw new AssertionError(template);
    }
  }

  private static @Nullable String templateOf(String path) {
    if (path.startsWith("/products/")) {
      return "/products/{id}";
    }
    if (path.startsWith("/reviews/")) {
      return "/reviews/{product}";
    }
    return PAGES.contains(path) ? path : null;
  }

  private void products(ShopExchange exchange) throws IOException, SQLException {
    write(exchange, 200, list(database.products(number(parameter(exchange, "page"), 0))));
  }

  private void product(ShopExchange exchange) throws IOException, SQLException {
    Product product = database.product(lastNumber(exchange));
    if (product == null) {
      write(exchange, 404, "there is no such product\n");
    } else {
      write(exchange, 200, list(List.of(product)));
    }
  }

  private void reviews(ShopExchange exchange) throws IOException, SQLException {
    write(exchange, 200, String.join("\n", database.reviewers(lastNumber(exchange))) + "\n");
  }

  private void search(ShopExchange exchange) throws IOException, SQLException {
    String text = String.valueOf(parameter(exchange, "q")).toLowerCase(Locale.ROOT);
    List<Product> found = database.search(text);
    write(exchange, 200, list(sonde.profile("search.rank", () -> rank(found))));
  }

  private void order(ShopExchange exchange) throws IOException, SQLException {
    if (!exchange.method().equals("POST")) {
      write(exchange, 405, "orders are posted\n");
      return;
    }
    String body = new String(exchange.body().readAllBytes(), StandardCharsets.UTF_8);
    int id = database.order(number(body.strip(), 1));
    write(exchange, 201, "order " + id + "\n");
  }

  /** The payment provider answers late, and sometimes not at all. */
  private static void checkout(ShopExchange exchange) throws IOException {
    work(6_000_000);
    if (parameter(exchange, "provider") == null) {
      throw new IllegalStateException("the payment provider did not answer");
    }
    write(exchange, 200, "paid\n");
  }

  private void recommendations(ShopExchange exchange) throws IOException, SQLException {
    List<Product> products = database.products(0);
    CompletableFuture<List<Product>> ranked =
        sonde
            .profileAsync(
                "recommendations.rank",
                () -> CompletableFuture.supplyAsync(() -> rank(products), background))
            .toCompletableFuture();
    try {
      write(exchange, 200, list(ranked.join()));
    } catch (CompletionException e) {
      write(exchange, 503, "no recommendations now\n");
    }
  }

  private static void export(ShopExchange exchange) throws IOException {
    OutputStream body = exchange.respond(200, "text/csv", EXPORT_BYTES);
    for (int left = EXPORT_BYTES; left > 0; left -= EXPORT_LINE.length) {
      body.write(EXPORT_LINE, 0, Math.min(left, EXPORT_LINE.length));
    }
  }

  /** What is in stock, told anew for as long as the shopper looks at the page. */
  private static void stock(ShopExchange exchange) throws IOException {
    OutputStream body = exchange.respond(200, "text/event-stream", TICKS * TICK_BYTES);
    for (int i = 0; i < TICKS; i++) {
      body.write("data: %8d\n\n".formatted(i).getBytes(StandardCharsets.US_ASCII));
      body.flush();
      work(TICK_NANOS);
    }
  }

  private static List<Product> rank(List<Product> products) {
    work(3_000_000);
    List<Product> ranked = new ArrayList<>(products);
    ranked.sort((a, b) -> Integer.compare(b.cents(), a.cents()));
    return ranked;
  }

  /** Stands for a call to another system: time passes, and no processor is used. */
  private static void work(long nanos) {
    long end = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  private static String list(List<Product> products) {
    StringBuilder text = new StringBuilder();
    for (Product product : products) {
      text.append(product.id()).append(' ').append(product.name()).append(' ');
      text.append(product.cents()).append('\n');
    }
    return text.toString();
  }

  private static int lastNumber(ShopExchange exchange) {
    String path = exchange.path();
    return number(path.substring(path.lastIndexOf('/') + 1), -1);
  }

  private static @Nullable String parameter(ShopExchange exchange, String name) {
    String query = exchange.query();
    if (query != null) {
      for (String pair : query.split("&", -1)) {
        if (pair.startsWith(name + "=")) {
          return URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8);
        }
      }
    }
    return null;
  }

  private static int number(@Nullable String text, int otherwise) {
    try {
      return text == null ? otherwise : Integer.parseInt(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static void write(ShopExchange exchange, int status, String text) throws IOException {
    // An empty list of products has no body, which not every server takes for a length.
    byte[] body = (text.isEmpty() ? "none\n" : text).getBytes(StandardCharsets.UTF_8);
    exchange.respond(status, "text/plain;charset=utf-8", body.length).write(body);
  }
}
