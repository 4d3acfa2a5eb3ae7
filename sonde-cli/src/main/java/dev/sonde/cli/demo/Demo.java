// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.cli.Failure;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The shop, its clients and the dashboard, from start to end. */
public final class Demo {
  private static final Duration STOP_LOAD = Duration.ofSeconds(20);
  private static final Duration SETTLE = Duration.ofSeconds(5);

  private final SondeConfig config;
  private final int port;
  private final double requestsPerSecond;
  private final @Nullable Duration duration;
  private final boolean suggestsBrowser;
  private final CountDownLatch interrupted = new CountDownLatch(1);

  /**
   * A demo that is not running yet.
   *
   * @param port of the shop, 0 for any free one
   * @param requestsPerSecond of the shoppers
   * @param duration after which it ends by itself, or null
   */
  public Demo(
      SondeConfig config,
      int port,
      double requestsPerSecond,
      @Nullable Duration duration,
      boolean suggestsBrowser) {
    this.config = config;
    this.port = port;
    this.requestsPerSecond = requestsPerSecond;
    this.duration = duration;
    this.suggestsBrowser = suggestsBrowser;
  }

  /**
   * Runs it to its end, talking on stderr, and writes the summary as JSON to stdout.
   *
   * @return whether Sonde's counts and the clients' own are the same
   * @throws Failure if a port is taken or the archive cannot be written
   */
  public boolean run() throws Failure, IOException, InterruptedException {
    PrintStream talk = System.err;
    LifecycleTally tally = new LifecycleTally();
    Thread main = Thread.currentThread();
    Thread hook = new Thread(() -> waitFor(main), "demo-exit");
    Summary summary;
    try (Sonde sonde = Sonde.start(config, tally)) {
      try (ShopServer server = ShopServer.start(sonde, port);
          Dashboard dashboard = Dashboard.start(sonde, config)) {
        Runtime.getRuntime().addShutdownHook(hook);
        talk.printf(
            "[sonde] %s, H2 on http://127.0.0.1:%d | dashboard %s%n",
            server.name(), server.port(), dashboard.url());
        talk.printf("[sonde] archive in %s | Ctrl-C ends it%n", config.jsonlDir());
        if (suggestsBrowser) {
          talk.println("[sonde] open the dashboard's address in a browser");
        }
        Load load = new Load(server.port(), requestsPerSecond);
        load.start();
        watch(sonde, talk);
        boolean stopped = load.stop(STOP_LOAD);
        settle(tally);
        summary = new Summary(load.counts(), tally, sonde.stats(), stopped);
      }
      sonde.close();
      summary.print(sonde.health(), System.out, talk);
    }
    unhook(hook);
    return summary.isExact();
  }
}
