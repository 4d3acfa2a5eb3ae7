// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import dev.sonde.perf.macro.server.Work;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Loads a bare server and one with an observer in turn, and compares what a request costs them.
 *
 * <p>All processes of a set live at the same time, so that the two intervals of a pair are
 * neighbours in time; which of the two comes first alternates.
 */
final class MacroRun {
  private static final int SETTLE_MILLIS = 300;
  private static final int QUIET_MILLIS = 20_000;
  private static final int WARM_UPS = 3;
  private static final int SLACK_SECONDS = 120;

  private final MacroOptions options;
  private final PrintStream progress;
  private final Path scratch;
  private final long workIterations;
  private final List<ServerProcess> servers = new CopyOnWriteArrayList<>();
  private final Map<Variant, List<Pair>> pairs = new EnumMap<>(Variant.class);
  private final List<String> findings = new ArrayList<>();

  private MacroRun(MacroOptions options, PrintStream progress) throws IOException {
    this.options = options;
    this.progress = progress;
    scratch = options.output().resolve("macro");
    workIterations = Work.iterationsFor(options.workNanos());
    Files.createDirectories(scratch);
    for (Variant variant : options.variants()) {
      pairs.put(variant, new ArrayList<>());
    }
  }

  /** Measures; see {@link MacroOptions}. */
  @SuppressWarnings("SystemOut") // the table is what was asked for
  public static void main(String[] arguments) throws IOException, InterruptedException {
    MacroOptions options;
    try {
      options = MacroOptions.parse(arguments);
    } catch (IllegalArgumentException e) {
      System.err.println("macro: " + e.getMessage());
      System.exit(2);
      return;
    }
    MacroRun run = new MacroRun(options, System.err);
    Runtime.getRuntime().addShutdownHook(new Thread(run::close));
    ScheduledExecutorService bound =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "time-limit");
              thread.setDaemon(true);
              return thread;
            });
    ScheduledFuture<?> unused =
        bound.schedule(run::exceeded, 2 * options.loadSeconds() + SLACK_SECONDS, TimeUnit.SECONDS);
    Report report = run.measure();
    report.writeJson(options.output().resolve("macro.json"));
    report.writeMarkdown(System.out);
  }

  private void exceeded() {
    progress.println("macro: not done within the time limit");
    System.exit(3);
  }

  private Report measure() throws IOException, InterruptedException {
    progress.println("macro: about " + (options.loadSeconds() * 11 / 10 + 5) + " s");
    for (int fork = 0; fork < options.forks(); fork++) {
      try {
        measure(fork);
      } finally {
        close();
      }
    }
    return new Report(options, pairs, findings);
  }

  private void measure(int fork) throws IOException, InterruptedException {
    ServerProcess bare = start(Variant.BARE);
    List<ServerProcess> observed = new ArrayList<>();
    for (Variant variant : options.variants()) {
      observed.add(start(variant));
    }
    warmUp(fork);
    for (int pair = 0; pair < options.pairsOf(fork); pair++) {
      for (ServerProcess server : observed) {
        measure(server, bare, fork, pair % 2 == 0);
      }
    }
    for (ServerProcess server : servers) {
      findings.addAll(witness(server, fork));
    }
  }

  private void warmUp(int fork) throws IOException, InterruptedException {
    // In parts: the end of a load is a path of its own, whose first use makes the compiler take
    // back what it had compiled without it.
    for (int part = 0; part < WARM_UPS; part++) {
      for (ServerProcess server : servers) {
        load(server, fork, Math.max(1, options.warmUpSeconds() / WARM_UPS));
      }
    }
  }

  private ServerProcess start(Variant variant) throws IOException {
    ServerProcess server =
        new ServerProcess(options.server(), variant, scratch, options.agent(), workIterations);
    servers.add(server);
    return server;
  }

  private void measure(ServerProcess server, ServerProcess bare, int fork, boolean isBareFirst)
      throws IOException, InterruptedException {
    Interval first = load(isBareFirst ? bare : server, fork, options.seconds());
    Interval second = load(isBareFirst ? server : bare, fork, options.seconds());
    Pair pair = isBareFirst ? new Pair(second, first) : new Pair(first, second);
    pairs.computeIfAbsent(server.variant(), unused -> new ArrayList<>()).add(pair);
    progress.printf(
        "macro: %-14s %7.0f ns, bare %7.0f ns of processor time per request: %.3f%n",
        server.variant().key(),
        pair.observed().cpuNanosPerRequest(),
        pair.bare().cpuNanosPerRequest(),
        pair.ratio(Interval::cpuNanosPerRequest));
  }

  private Interval load(ServerProcess server, int fork, int seconds)
      throws IOException, InterruptedException {
    TimeUnit.MILLISECONDS.sleep(SETTLE_MILLIS);
    long idleBefore = cpuNanosOfOthers(server);
    try (@Nullable OpenPage page = server.variant().hasDashboard() ? new OpenPage(server) : null) {
      ServerProcess.Mark before = server.mark();
      Wrk client = Wrk.load(server.url(), seconds);
      ServerProcess.Mark after = server.mark();
      server.loaded(client.requests());
      return new Interval(
          server.variant(),
          fork,
          client,
          after.handled() - before.handled(),
          after.usage().since(before.usage()),
          cpuNanosOfOthers(server) - idleBefore);
    }
  }

  private long cpuNanosOfOthers(ServerProcess loaded) throws IOException {
    long nanos = 0;
    for (ServerProcess server : servers) {
      if (server != loaded) {
        nanos += server.mark().usage().cpuNanos();
      }
    }
    return nanos;
  }

  /**
   * Compares the counts of client, handler and observer.
   *
   * @throws IOException if they contradict each other
   */
  private List<String> witness(ServerProcess server, int fork)
      throws IOException, InterruptedException {
    long handled = server.mark().handled();
    long unanswered = handled - server.answered();
    // The client hangs up at the end of a load without waiting for the answers under way.
    if (unanswered < 0 || unanswered > server.loads() * Wrk.CONNECTIONS) {
      throw new IOException(
          server.variant().key() + " handled " + handled + ", wrk saw " + server.answered());
    }
    if (!server.variant().hasDashboard()) {
      return List.of();
    }
    long shown = settled(server, "/metrics.json?window=900", "/total/count", handled);
    if (shown != handled) {
      throw new IOException(
          server.variant().key() + " handled " + handled + ", its dashboard shows " + shown);
    }
    List<String> found = new ArrayList<>();
    found.add(
        "%s, set %d: the dashboard shows %,d requests, the handler counted %,d, wrk saw %,d answers"
            .formatted(server.variant().key(), fork + 1, shown, handled, server.answered()));
    if (server.variant() == Variant.SONDE_JSONL) {
      long written = settled(server, "/health.json", "/sinks/0/processed", Long.MAX_VALUE);
      found.add(
          "%s, set %d: %,d events written, %,d dropped because the archive did not keep up"
              .formatted(
                  server.variant().key(),
                  fork + 1,
                  written,
                  OpenPage.number(server, "/health.json", "/sinks/0/dropped")));
    }
    return found;
  }

  /** The number once it is as expected, or when it has not changed for some time. */
  private static long settled(ServerProcess server, String document, String pointer, long expected)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(QUIET_MILLIS);
    long before = -1;
    long shown = OpenPage.number(server, document, pointer);
    while (shown != expected && shown != before && System.nanoTime() - end < 0) {
      TimeUnit.SECONDS.sleep(3);
      before = shown;
      shown = OpenPage.number(server, document, pointer);
    }
    return shown;
  }

  private void close() {
    for (ServerProcess server : servers) {
      server.close();
    }
    servers.clear();
    try {
      deleteArchive();
    } catch (IOException e) {
      progress.println("macro: the archive could not be deleted: " + e);
    }
  }

  private void deleteArchive() throws IOException {
    Path archive = scratch.resolve("archive");
    if (Files.isDirectory(archive)) {
      try (Stream<Path> files = Files.list(archive)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
