// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.dashboard.view.Views;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

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
              Thread thread = new Thread(task, "sonde-dashboard-timer");
              thread.setDaemon(true);
              return thread;
            });
  }

  static Dashboard start(DashboardConfig config, Views views, MonotonicClock clock) {
    Dashboard dashboard = new Dashboard(config, views, clock);
    dashboard.open(config);
    return dashboard;
  }

  private void open(DashboardConfig config) {
    bind(config);
    try {
      server.start();
    } catch (Exception e) {
      close();
      throw new IllegalStateException("the dashboard did not start", e);
    }
    ScheduledFuture<?> unused =
        timer.scheduleAtFixedRate(this::beat, BEAT_MILLIS, BEAT_MILLIS, TimeUnit.MILLISECONDS);
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
        "dashboard.port "
            + range
            + " on "
            + host
            + " cannot be bound (another process may use it); choose another port",
        failure == null ? new IOException("no port was tried") : failure);
  }

  private void beat() {
    try {
      guard.sweep();
      live.beat();
    } catch (RuntimeException e) {
      // A throw would end the timer; the next beat starts from a new snapshot.
      System.getLogger("dev.sonde.dashboard")
          .log(System.Logger.Level.DEBUG, "A beat of the live stream failed", e);
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
    return address() + "#t=" + secret;
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
