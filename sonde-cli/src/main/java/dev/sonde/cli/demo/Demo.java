// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.cli.Failure;
import dev.sonde.cli.demo.shop.DemoServer;
import dev.sonde.cli.demo.shop.RunningShop;
import dev.sonde.cli.demo.shop.ShopServer;
import dev.sonde.dashboard.Dashboard;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The shop, its clients and the dashboard, from start to end. */
public final class Demo {
  private static final Duration STOP_LOAD = Duration.ofSeconds(20);
  private static final Duration SETTLE = Duration.ofSeconds(5);
  private static final Duration EXIT = Duration.ofSeconds(30);

  private final SondeConfig config;
  private final DemoServer server;
  private final int port;
  private final double requestsPerSecond;
  private final @Nullable Duration duration;
  private final boolean suggestsBrowser;
  private final PrintWriter data;
  private final PrintWriter talk;
  private final CountDownLatch interrupted = new CountDownLatch(1);
  private final CountDownLatch ended = new CountDownLatch(1);

  /**
   * A demo that is not running yet.
   *
   * @param server what the shop runs on
   * @param port of the shop, 0 for any free one
   * @param requestsPerSecond of the shoppers
   * @param duration after which it ends by itself, or null
   * @param data takes the summary as JSON
   * @param talk takes what is said meanwhile
   */
  public Demo(
      SondeConfig config,
      DemoServer server,
      int port,
      double requestsPerSecond,
      @Nullable Duration duration,
      boolean suggestsBrowser,
      PrintWriter data,
      PrintWriter talk) {
    this.config = config;
    this.server = server;
    this.port = port;
    this.requestsPerSecond = requestsPerSecond;
    this.duration = duration;
    this.suggestsBrowser = suggestsBrowser;
    this.data = data;
    this.talk = talk;
  }

  /**
   * Runs it to its end.
   *
   * @return whether Sonde's counts and the clients' own are the same
   * @throws Failure if a port is taken or the archive cannot be written
   */
  public boolean run() throws Failure, IOException, InterruptedException {
    LifecycleTally tally = new LifecycleTally();
    try (Sonde sonde = open(tally)) {
      Load load;
      StatsSnapshot stats;
      List<String> unseen;
      try (Dashboard dashboard = open(sonde);
          RunningShop shop = RunningShop.start(server, sonde, dashboard, port)) {
        sonde.beforeExit(this::end);
        greet(shop.server(), dashboard);
        unseen = shop.server().unseen();
        load = new Load(shop.server().port(), requestsPerSecond);
        load.start();
        watch(sonde, load);
        if (!load.stop(STOP_LOAD)) {
          talk.println("[sonde] some clients did not finish in time");
        }
        settle(tally);
        stats = sonde.stats();
      }
      sonde.close();
      boolean isWindowWhole = stats.coveredNanos() >= stats.uptimeNanos();
      Summary summary =
          new Summary(load.counts(), tally, stats, isWindowWhole, sonde.health(), unseen);
      summary.print(data);
      talk.printf("[sonde] archive: %s%n", config.jsonlDir());
      talk.println(
          summary.isExact()
              ? "[sonde] Sonde and its clients counted the same, and nothing was lost uncounted"
              : "[sonde] COUNTS DIFFER, see \"difference\" and \"conservation\" above");
      return summary.isExact();
    } finally {
      ended.countDown();
    }
  }

  private Sonde open(LifecycleTally tally) throws Failure {
    try {
      return Sonde.start(config, tally);
    } catch (IllegalArgumentException | UncheckedIOException e) {
      throw new Failure(Failure.FAILED, String.valueOf(e.getMessage()));
    }
  }

  private static Dashboard open(Sonde sonde) throws Failure {
    try {
      return Dashboard.start(sonde);
    } catch (UncheckedIOException e) {
      throw new Failure(Failure.FAILED, String.valueOf(e.getMessage()));
    }
  }

  private void greet(ShopServer shop, Dashboard dashboard) {
    talk.printf(
        "[sonde] %s and H2 on http://127.0.0.1:%d | dashboard %s | archive %s%n",
        shop.name(), shop.port(), dashboard.url(), config.jsonlDir());
    if (suggestsBrowser) {
      talk.println("[sonde] open the dashboard's address in a browser; Ctrl-C ends the demo");
    }
    talk.flush();
  }

  /** Waits for the end; on a terminal it shows a line that moves meanwhile. */
  private void watch(Sonde sonde, Load load) throws InterruptedException {
    long start = System.nanoTime();
    long end = duration == null ? Long.MAX_VALUE : start + duration.toNanos();
    // Set by the launcher: System.console() tells of a terminal on stdin and stdout, not on stderr.
    boolean isTerminal = Boolean.getBoolean("cli.terminal");
    while (end - System.nanoTime() > 0) {
      long wait = Math.min(end - System.nanoTime(), TimeUnit.SECONDS.toNanos(1));
      if (interrupted.await(wait, TimeUnit.NANOSECONDS)) {
        break;
      }
      if (isTerminal) {
        GroupSnapshot total = sonde.stats().total();
        GroupSnapshot.Latency latency = total.latency();
        talk.printf(
            "\r[sonde] %d s  %.0f req/s  p99 %.1f ms  errors %.1f %%  clients %d requests   ",
            TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start),
            total.requestsPerSecond(),
            latency == null ? 0.0 : latency.p99Nanos() / 1e6,
            total.errorPct(),
            load.counts().requests());
        talk.flush();
      }
    }
    if (isTerminal) {
      talk.println();
    }
  }

  /** Lets the server notice that the last clients have gone. */
  private static void settle(LifecycleTally tally) throws InterruptedException {
    long deadline = System.nanoTime() + SETTLE.toNanos();
    while (tally.unfinished() > 0 && deadline - System.nanoTime() > 0) {
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  /** The JVM is told to end: the demo ends first, in its own order. */
  private void end() {
    interrupted.countDown();
    try {
      // Not a join: the main thread goes on to System.exit, which waits for this very hook.
      if (!ended.await(EXIT.toSeconds(), TimeUnit.SECONDS)) {
        talk.println("[sonde] the demo did not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
