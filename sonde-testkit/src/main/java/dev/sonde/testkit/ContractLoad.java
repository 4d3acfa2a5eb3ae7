// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.net.RawHttpClient;
import dev.sonde.testkit.net.RawResponse;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many keep-alive clients at once, each of which adds up what it was answered. */
final class ContractLoad {
  private static final List<String> REQUESTS =
      List.of(
          RawHttpClient.request("GET", "/hello"),
          RawHttpClient.request("GET", "/users/12345"),
          RawHttpClient.request("GET", "/status/404"),
          RawHttpClient.request("GET", "/stream?chunks=3&size=700"),
          RawHttpClient.request("GET", "/status/204"),
          RawHttpClient.request("POST", "/upload", "Content-Length: 1000") + "u".repeat(1000),
          RawHttpClient.request("GET", "/nowhere"),
          RawHttpClient.request("GET", "/status/304"));

  private static final List<String> FAILING =
      List.of(RawHttpClient.request("GET", "/status/503"), RawHttpClient.request("GET", "/throw"));

  private final Map<Integer, Sums> sumsByPort;

  private ContractLoad(Map<Integer, Sums> sumsByPort) {
    this.sumsByPort = sumsByPort;
  }

  /**
   * Runs so many connections with so many requests each, and returns when all are answered.
   *
   * @param isFailing whether requests are among them that the server answers by 5xx
   */
  static ContractLoad run(int port, int connections, int requestsPerConnection, boolean isFailing)
      throws InterruptedException, ExecutionException {
    List<String> mix = new ArrayList<>(REQUESTS);
    if (isFailing) {
      mix.addAll(FAILING);
    }
    Map<Integer, Sums> sums = new ConcurrentHashMap<>();
    ExecutorService executor = Executors.newFixedThreadPool(connections);
    try {
      List<Callable<Void>> clients = new ArrayList<>();
      for (int i = 0; i < connections; i++) {
        int seed = i;
        clients.add(
            () -> {
              client(port, mix, seed, requestsPerConnection, sums);
              return null;
            });
      }
      for (Future<Void> client : executor.invokeAll(clients)) {
        client.get();
      }
    } finally {
      executor.shutdownNow();
    }
    return new ContractLoad(sums);
  }

  /** What all clients together were answered. */
  Sums sums() {
    return sumsByPort.values().stream().reduce(Sums.NONE, Sums::plus);
  }

  /** What the client of one port was answered. */
  Sums sumsOf(int clientPort) {
    return sumsByPort.getOrDefault(clientPort, Sums.NONE);
  }

  /** What events say was answered. */
  static Sums sums(List<LifecycleEvent> events) {
    long requests = 0;
    long bytes = 0;
    Map<Integer, Long> statuses = new TreeMap<>();
    for (LifecycleEvent event : events) {
      if (event instanceof ResponseCompleted completed) {
        requests++;
        bytes += completed.bytesSent();
        statuses.merge(completed.status(), 1L, Long::sum);
      }
    }
    return new Sums(requests, bytes, statuses);
  }

  private static void client(
      int port, List<String> mix, int seed, int requests, Map<Integer, Sums> sums)
      throws IOException {
    long bytes = 0;
    Map<Integer, Long> statuses = new TreeMap<>();
    try (RawHttpClient client = RawHttpClient.connect(port)) {
      for (int i = 0; i < requests; i++) {
        client.send(mix.get((seed + i) % mix.size()));
        RawResponse response = client.read();
        bytes += response.text().length();
        statuses.merge(response.status(), 1L, Long::sum);
      }
      sums.put(client.localPort(), new Sums(requests, bytes, statuses));
    }
  }

  /**
   * Totals that must agree to the last byte.
   *
   * @param requests answered
   * @param bytes of response bodies
   * @param statuses how often each status was answered
   */
  record Sums(long requests, long bytes, Map<Integer, Long> statuses) {
    static final Sums NONE = new Sums(0, 0, Map.of());

    Sums plus(Sums other) {
      Map<Integer, Long> merged = new TreeMap<>(statuses);
      other.statuses.forEach((status, count) -> merged.merge(status, count, Long::sum));
      return new Sums(requests + other.requests, bytes + other.bytes, merged);
    }
  }
}
