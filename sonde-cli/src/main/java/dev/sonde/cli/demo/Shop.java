// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.Sonde;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.cli.demo.ShopDatabase.Product;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A small shop, as servlets by their URL patterns.
 *
 * <p>Three faults are planted for the user to find: the reviews page asks the database once per
 * review, checkouts fail in bursts, and exports are so long that clients give up on them.
 */
final class Shop {
  /** Body of one export in bytes; sockets cannot hold it, so a client that leaves cuts it short. */
  static final int EXPORT_BYTES = 24 * 1024 * 1024;

  private static final byte[] EXPORT_LINE =
      "4711;Product;4299;in stock;a line of the catalogue\n"
          .repeat(80)
          .getBytes(StandardCharsets.UTF_8);

  private final ShopDatabase database;
  private final Sonde sonde;
  private final ExecutorService background;

  Shop(ShopDatabase database, Sonde sonde, ExecutorService background) {
    this.database = database;
    this.sonde = sonde;
    this.background = background;
  }

  /** What answers which URL pattern. */
  Map<String, HttpServlet> servlets() {
    Map<String, HttpServlet> servlets = new TreeMap<>();
    servlets.put("", page((request, response) -> write(response, "Welcome to the shop\n")));
    servlets.put("/products", page(this::products));
    servlets.put("/products/*", page(this::product));
    servlets.put("/reviews/*", page(this::reviews));
    servlets.put("/search", page(this::search));
    servlets.put("/orders", page(this::order));
    servlets.put("/checkout", page(Shop::checkout));
    servlets.put("/recommendations", page(this::recommendations));
    servlets.put("/export", page(Shop::export));
    return servlets;
  }

  private void products(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    int page = number(request.getParameter("page"), 0);
    write(response, list(database.products(page)));
  }

  private void product(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    request.setAttribute(SondeJetty.ROUTE_ATTRIBUTE, "/products/{id}");
    Product product = database.product(lastNumber(request));
    if (product == null) {
      response.sendError(HttpServletResponse.SC_NOT_FOUND);
    } else {
      write(response, list(List.of(product)));
    }
  }

  private void reviews(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    request.setAttribute(SondeJetty.ROUTE_ATTRIBUTE, "/reviews/{product}");
    write(response, String.join("\n", database.reviewers(lastNumber(request))) + "\n");
  }

  private void search(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    String text = String.valueOf(request.getParameter("q")).toLowerCase(Locale.ROOT);
    List<Product> found = database.search(text);
    write(response, list(sonde.profile("search.rank", () -> rank(found))));
  }

  private void order(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    if (!request.getMethod().equals("POST")) {
      response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
      return;
    }
    String body = new String(request.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int id = database.order(number(body.strip(), 1));
    response.setStatus(HttpServletResponse.SC_CREATED);
    write(response, "order " + id + "\n");
  }

  /** The payment provider answers late, and sometimes not at all. */
  private static void checkout(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    work(6_000_000);
    if (request.getParameter("provider") == null) {
      throw new IllegalStateException("the payment provider did not answer");
    }
    write(response, "paid\n");
  }

  private void recommendations(HttpServletRequest request, HttpServletResponse response)
      throws IOException, SQLException {
    List<Product> products = database.products(0);
    CompletableFuture<List<Product>> ranked =
        sonde
            .profileAsync(
                "recommendations.rank",
                () -> CompletableFuture.supplyAsync(() -> rank(products), background))
            .toCompletableFuture();
    try {
      write(response, list(ranked.join()));
    } catch (CompletionException e) {
      response.sendError(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
    }
  }

  private static void export(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    response.setContentType("text/csv");
    response.setContentLength(EXPORT_BYTES);
    OutputStream body = response.getOutputStream();
    for (int left = EXPORT_BYTES; left > 0; left -= EXPORT_LINE.length) {
      body.write(EXPORT_LINE, 0, Math.min(left, EXPORT_LINE.length));
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

  private static int lastNumber(HttpServletRequest request) {
    String path = String.valueOf(request.getPathInfo());
    return number(path.substring(path.lastIndexOf('/') + 1), -1);
  }

  private static int number(@Nullable String text, int otherwise) {
    try {
      return text == null ? otherwise : Integer.parseInt(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  private static void write(HttpServletResponse response, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    response.setContentType("text/plain;charset=utf-8");
    response.setContentLength(body.length);
    response.getOutputStream().write(body);
  }

  private static HttpServlet page(Page page) {
    return new PageServlet(page);
  }

  /** What a page does; what it throws is the server's to report. */
  @FunctionalInterface
  private interface Page {
    void answer(HttpServletRequest request, HttpServletResponse response)
        throws IOException, SQLException;
  }

  private static final class PageServlet extends HttpServlet {
    private static final long serialVersionUID = 1;

    private final transient Page page;

    PageServlet(Page page) {
      this.page = page;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      try {
        page.answer(request, response);
      } catch (SQLException e) {
        throw new IOException(e);
      }
    }
  }
}
