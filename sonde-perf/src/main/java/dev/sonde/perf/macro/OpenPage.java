// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.filter.FilteringParserDelegate;
import com.fasterxml.jackson.core.filter.JsonPointerBasedFilter;
import com.fasterxml.jackson.core.filter.TokenFilter.Inclusion;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Asks of a dashboard what its page asks for while the overview is in front. */
final class OpenPage implements AutoCloseable {
  private static final List<String> OVERVIEW =
      List.of("metrics", "routes", "connections", "health");
  private static final int POLL_MILLIS = 2_000;
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final ScheduledExecutorService timer =
      Executors.newScheduledThreadPool(2, OpenPage::daemon);
  private final String url;
  private final String token;
  private final InputStream stream;
  private volatile long bytes;
  private volatile @Nullable Exception failure;

  /** Opens the stream of the server's dashboard and begins to ask. */
  OpenPage(ServerProcess server) throws IOException, InterruptedException {
    url = server.dashboardUrl();
    token = server.token();
    stream = get("/events");
    timer.execute(this::follow);
    ScheduledFuture<?> unused =
        timer.scheduleAtFixedRate(this::poll, 0, POLL_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Bytes that the page was sent. */
  long bytes() {
    return bytes;
  }

  /**
   * A number of a document of the dashboard.
   *
   * @param pointer where in the document, as in RFC 6901
   */
  static long number(ServerProcess server, String document, String pointer)
      throws IOException, InterruptedException {
    HttpClient client = HttpClient.newHttpClient();
    try (InputStream json = get(client, server.dashboardUrl() + document, server.token());
        JsonParser parser =
            new FilteringParserDelegate(
                new JsonFactory().createParser(json),
                new JsonPointerBasedFilter(JsonPointer.compile(pointer)),
                Inclusion.ONLY_INCLUDE_ALL,
                false)) {
      if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT) {
        throw new IOException("no number at " + pointer + " of " + document);
      }
      return parser.getLongValue();
    }
  }

  private InputStream get(String path) throws IOException, InterruptedException {
    return get(client, url + path, token);
  }

  private static InputStream get(HttpClient client, String address, String token)
      throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(address))
            .timeout(PATIENCE)
            .header("Authorization", "Bearer " + token)
            .build();
    HttpResponse<InputStream> response = client.send(request, BodyHandlers.ofInputStream());
    if (response.statusCode() != 200) {
      throw new IOException(address + " answered " + response.statusCode());
    }
    return response.body();
  }

  private void follow() {
    byte[] buffer = new byte[1 << 16];
    try {
      for (int read = stream.read(buffer); read >= 0; read = stream.read(buffer)) {
        count(read);
      }
    } catch (IOException e) {
      failed(e);
    }
  }

  private void poll() {
    try {
      for (String document : OVERVIEW) {
        try (InputStream json = get("/" + document + ".json?window=300")) {
          count(json.readAllBytes().length);
        }
      }
    } catch (IOException e) {
      failed(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void count(int read) {
    bytes += read;
  }

  private void failed(Exception thrown) {
    if (!timer.isShutdown()) {
      failure = thrown;
    }
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "open-page");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Closes the page.
   *
   * @throws IOException if it could not follow the dashboard all the time
   */
  @Override
  public void close() throws IOException {
    timer.shutdownNow();
    stream.close();
    Exception thrown = failure;
    if (thrown != null) {
      throw new IOException("the dashboard's page failed", thrown);
    }
  }
}
