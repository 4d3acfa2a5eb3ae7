// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.cli.demo.LoadConnection.Head;
import dev.sonde.cli.demo.shop.Shop;
import dev.sonde.cli.demo.shop.ShopDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients of the shop: shoppers that keep their connection, HTTP/2 browsers, slow readers, clients
 * that hang up in the middle of a response, and bursts of checkouts that fail.
 */
final class Load {
  private static final int SHOPPERS = 8;
  private static final int HTTP2_STREAMS = 8;
  private static final int SLOW_READERS = 2;
  private static final int WATCHERS = 3;

  /** A shopper takes a new connection after this many requests. */
  private static final int REQUESTS_PER_CONNECTION = 120;

  private static final int BURST = 15;
  private static final int BUFFER_BYTES = 64 * 1024;

  private final int port;
  private final double requestsPerSecond;
  private final LoadCounts counts = new LoadCounts();
  private final CountDownLatch stop = new CountDownLatch(1);
  private final List<Thread> threads = new ArrayList<>();

  /**
   * A load that is not running yet.
   *
   * @param requestsPerSecond what the shoppers send in all; the other clients come on top
   */
  Load(int port, double requestsPerSecond) {
    this.port = port;
    this.requestsPerSecond = requestsPerSecond;
  }

  /** Starts all clients. */
  void start() {
    for (int i = 0; i < SHOPPERS; i++) {
      Random random = new Random(100 + i);
      run("shopper-" + i, () -> shop(random));
    }
    for (int i = 0; i < SLOW_READERS; i++) {
      run("slow-reader-" + i, this::readSlowly);
    }
    for (int i = 0; i < WATCHERS; i++) {
      run("watcher-" + i, this::watch);
    }
    run("http2", this::browse);
    run("hang-up", this::hangUp);
    run("burst", this::failInBursts);
    run("window-shopper", this::connectOnly);
  }

  /** Lets every client finish what it is at; returns false if one did not within the time. */
  boolean stop(Duration timeout) throws InterruptedException {
    stop.countDown();
    long deadline = System.nanoTime() + timeout.toNanos();
    boolean stopped = true;
    for (Thread thread : threads) {
      long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      thread.join(Math.max(1, leftMillis));
      stopped &= !thread.isAlive();
    }
    return stopped;
  }

  LoadCounts.Snapshot counts() {
    return counts.snapshot();
  }

  private void run(String name, Runnable client) {
    Thread thread = new Thread(client, "demo-" + name);
    thread.setDaemon(true);
    threads.add(thread);
    thread.start();
  }

  /** Waits, and tells whether the load goes on. */
  private boolean goOn(long nanos) {
    try {
      return !stop.await(nanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static void noPause() {}

  private LoadConnection connect(int receiveBufferBytes) throws IOException {
    LoadConnection connection = new LoadConnection(port, receiveBufferBytes);
    counts.connected();
    return connection;
  }

  private void answer(LoadConnection connection, String method, String target, String body)
      throws IOException {
    Head head = connection.send(method, target, body);
    long bytes = connection.readBody(head, BUFFER_BYTES, Load::noPause);
    counts.answered(head.status(), bytes);
  }

  private void shop(Random random) {
    long meanNanos = (long) (1e9 * SHOPPERS / requestsPerSecond);
    long next = System.nanoTime();
    while (goOn(0)) {
      try (LoadConnection connection = connect(BUFFER_BYTES)) {
        for (int i = 0; i < REQUESTS_PER_CONNECTION && connection.isKept(); i++) {
          next += (long) (meanNanos * (0.5 + random.nextDouble()));
          long now = System.nanoTime();
          if (next - now < -1_000_000_000L) {
            next = now;
          }
          if (!goOn(Math.max(0, next - now))) {
            return;
          }
          visit(connection, random);
        }
      } catch (IOException e) {
        counts.failed();
      }
    }
  }

  private void visit(LoadConnection connection, Random random) throws IOException {
    int product = 1 + random.nextInt(ShopDatabase.PRODUCTS);
    int dice = random.nextInt(100);
    if (dice < 15) {
      answer(connection, "GET", "/", "");
    } else if (dice < 35) {
      answer(connection, "GET", "/products?page=" + random.nextInt(10), "");
    } else if (dice < 60) {
      answer(connection, "GET", "/products/" + product, "");
    } else if (dice < 68) {
      answer(connection, "GET", "/reviews/" + product, "");
    } else if (dice < 80) {
      answer(connection, "GET", "/search?q=" + product, "");
    } else if (dice < 87) {
      answer(connection, "POST", "/orders", Integer.toString(product));
    } else if (dice < 93) {
      answer(connection, "GET", "/recommendations", "");
    } else if (dice < 97) {
      answer(connection, "POST", "/checkout?provider=acme", "");
    } else if (dice < 99) {
      answer(connection, "GET", "/products/999999", "");
    } else {
      answer(connection, "GET", "/wp-login.php", "");
    }
  }

  private void readSlowly() {
    while (goOn(300_000_000)) {
      try (LoadConnection connection = connect(BUFFER_BYTES)) {
        Head head = connection.send("GET", "/export", "");
        // Once the load is told to stop, the rest is read at full speed.
        long bytes = connection.readBody(head, BUFFER_BYTES, () -> goOn(8_000_000));
        counts.answered(head.status(), bytes);
      } catch (IOException e) {
        counts.failed();
      }
    }
  }

  /** Looks at the stock, to the end or for a while. */
  private void watch() {
    for (int round = 0; goOn(200_000_000); round++) {
      try (LoadConnection connection = connect(BUFFER_BYTES)) {
        Head head = connection.send("GET", "/stock", "");
        if (round % 3 == 2) {
          connection.read(3 * Shop.TICK_BYTES, Shop.TICK_BYTES, Load::noPause);
          connection.reset();
          counts.hungUp();
        } else {
          counts.answered(head.status(), connection.readBody(head, BUFFER_BYTES, Load::noPause));
        }
      } catch (IOException e) {
        counts.failed();
      }
    }
  }

  private void hangUp() {
    for (int round = 0; goOn(1_000_000_000); round++) {
      try (LoadConnection connection = connect(4 * 1024)) {
        connection.send("GET", "/export", "");
        connection.read(20_000, 4 * 1024, Load::noPause);
        if (round % 2 == 0) {
          connection.reset();
        }
        counts.hungUp();
      } catch (IOException e) {
        counts.failed();
      }
    }
  }

  private void failInBursts() {
    long waitNanos = 3_000_000_000L;
    while (goOn(waitNanos)) {
      try {
        failInBurst();
      } catch (IOException e) {
        counts.failed();
      }
      waitNanos = 12_000_000_000L;
    }
  }

  /** Some servers close the connection after an answer of 500. */
  private void failInBurst() throws IOException {
    int left = BURST;
    while (left > 0) {
      try (LoadConnection connection = connect(BUFFER_BYTES)) {
        for (; left > 0 && connection.isKept(); left--) {
          answer(connection, "POST", "/checkout", "");
        }
      }
    }
  }

  private void connectOnly() {
    while (goOn(2_000_000_000)) {
      try (LoadConnection connection = connect(BUFFER_BYTES)) {
        LockSupport.parkNanos(50_000_000);
      } catch (IOException e) {
        counts.failed();
      }
    }
  }

  private void browse() {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    Random random = new Random(42);
    // The first request upgrades the connection; streams run side by side from then on.
    load(List.of(get(client, "/")));
    while (goOn(500_000_000)) {
      List<CompletableFuture<HttpResponse<byte[]>>> streams = new ArrayList<>();
      for (int i = 0; i < HTTP2_STREAMS; i++) {
        streams.add(get(client, "/products/" + (1 + random.nextInt(ShopDatabase.PRODUCTS))));
      }
      load(streams);
    }
  }

  private CompletableFuture<HttpResponse<byte[]>> get(HttpClient client, String target) {
    URI uri = URI.create("http://127.0.0.1:" + port + target);
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(10)).build();
    return client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray());
  }

  private void load(List<CompletableFuture<HttpResponse<byte[]>>> streams) {
    for (CompletableFuture<HttpResponse<byte[]>> stream : streams) {
      try {
        HttpResponse<byte[]> response = stream.join();
        counts.answered(response.statusCode(), response.body().length);
      } catch (RuntimeException e) {
        counts.failed();
      }
    }
  }
}
