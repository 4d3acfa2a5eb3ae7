// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.Sonde;
import dev.sonde.collect.SondeThread;
import dev.sonde.dashboard.view.Documents;
import dev.sonde.dashboard.view.Sources;
import dev.sonde.dashboard.view.Views;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The dashboard on a port of its own.
 *
 * <p>It is read-only, listens on loopback unless told otherwise, and shows nothing without its
 * token.
 */
public final class Dashboard implements AutoCloseable {
  private static final int BEAT_MILLIS = 250;
  private static final int PORTS_TRIED = 100;

  private final DashboardServer server;
  private final LiveStream live;
  private final ConnectionGuard guard;
  private final FailureBucket failures;
  private final ScheduledExecutorService timer;
  private final String host;
  private final String secret;
  private final AtomicLong failedBeats = new AtomicLong();

  private Dashboard(DashboardConfig config, Views views, MonotonicClock clock) {
    host = config.host();
    String configured = config.token();
    secret = configured == null ? Token.random() : configured;
    failures = new FailureBucket(clock, AccessRules.MAX_FAILURES_PER_SECOND);
    guard = new ConnectionGuard(clock);
    live = new LiveStream(views, clock);
    AccessRules rules = new AccessRules(new Token(secret), host, config.allowedHosts(), failures);
    server = new DashboardServer(host, Assets.load(), rules, guard, live, views);
    timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(SondeThread.group(), task, "sonde-dashboard-timer");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Serves the views of {@code sonde} as its own configuration says. */
  public static Dashboard start(Sonde sonde) {
    return start(sonde, DashboardConfig.of(sonde.config()));
  }

  /**
   * Serves the views of {@code sonde}.
   *
   * @throws UncheckedIOException if the port cannot be bound
   */
  public static Dashboard start(Sonde sonde, DashboardConfig config) {
    AtomicReference<@Nullable Dashboard> self = new AtomicReference<>();
    Documents documents =
        new Documents(
            new Sources(
                sonde::stats,
                sonde::errors,
                sonde::recent,
                sonde::recentNews,
                sonde::request,
                sonde::health,
                sonde::anchor),
            MonotonicClock.system(),
            () -> figures(self.get()));
    Dashboard dashboard = start(config, documents, MonotonicClock.system());
    self.set(dashboard);
    dashboard.repeat(documents::observe, Documents.observeMillis());
    return dashboard;
  }

  static Dashboard start(DashboardConfig config, Views views, MonotonicClock clock) {
    Dashboard dashboard = new Dashboard(config, views, clock);
    dashboard.open(config);
    return dashboard;
  }

  static Map<String, Long> figures(@Nullable Dashboard dashboard) {
    Map<String, Long> figures = new LinkedHashMap<>();
    if (dashboard != null) {
      figures.put("readers", (long) dashboard.live.readers());
      figures.put("max_readers", (long) LiveStream.MAX_READERS);
      figures.put("frames_skipped", dashboard.live.framesSkipped());
      figures.put("kicked", dashboard.live.kicked());
      figures.put("connections", (long) dashboard.guard.open());
      figures.put("max_connections", (long) ConnectionGuard.MAX_CONNECTIONS);
      figures.put("evicted", dashboard.guard.evicted());
      figures.put("refused", dashboard.guard.refused());
      figures.put("expired", dashboard.guard.expired());
      figures.put("wrong_tokens", dashboard.failures.total());
      figures.put("failed_beats", dashboard.failedBeats.get());
    }
    return figures;
  }

  private void open(DashboardConfig config) {
    bind(config);
    try {
      server.start();
    } catch (Exception e) {
      close();
      throw new IllegalStateException("the dashboard did not start", e);
    }
    repeat(this::beat, BEAT_MILLIS);
  }

  void repeat(Runnable task, int millis) {
    ScheduledFuture<?> unused =
        timer.scheduleAtFixedRate(() -> guarded(task), millis, millis, TimeUnit.MILLISECONDS);
  }

  private void bind(DashboardConfig config) {
    int first = config.port();
    int last = config.isPortExplicit() ? first : Math.min(first + PORTS_TRIED - 1, 65_535);
    IOException failure = null;
    for (int port = first; port <= last; port++) {
      try {
        server.bind(port);
        return;
      } catch (IOException e) {
        failure = e;
      }
    }
    close();
    String range = first == last ? "" + first : first + " to " + last;
    throw new UncheckedIOException(
        "sonde.dashboard.port "
            + range
            + " on "
            + host
            + " cannot be bound (another process may use it); choose another port",
        failure == null ? new IOException("no port was tried") : failure);
  }

  private void beat() {
    guard.sweep();
    live.beat();
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (Throwable e) { // an Error too: any throw would end the timer without a word
      failedBeats.incrementAndGet();
      System.getLogger("dev.sonde.dashboard")
          .log(System.Logger.Level.DEBUG, "A beat of the dashboard failed", e);
    }
  }

  /** Port that it listens on. */
  public int port() {
    return server.port();
  }

  /** Address of the page without the token. */
  public String address() {
    String shown = Addresses.isWildcard(host) ? "127.0.0.1" : Addresses.bracketed(host);
    return "http://" + shown + ":" + port() + "/";
  }

  /** Address of the page with the token in its fragment, which browsers send to nobody. */
  public String url() {
    return address() + "#t=" + URLEncoder.encode(secret, StandardCharsets.UTF_8);
  }

  /** The token that readers present as {@code Authorization: Bearer}. */
  public String token() {
    return secret;
  }

  /** Closes the port and all streams; closing again does nothing. */
  @Override
  public void close() {
    timer.shutdownNow();
    live.close();
    server.stop();
  }

  /** For tests and for the dashboard's own figures. */
  ConnectionGuard guard() {
    return guard;
  }

  LiveStream live() {
    return live;
  }

  FailureBucket failures() {
    return failures;
  }
}
