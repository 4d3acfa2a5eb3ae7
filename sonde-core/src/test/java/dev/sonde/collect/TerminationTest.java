// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.collect.AsyncCollector.Counts;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A process under load is told to terminate: it does, in time, and accounts for every event. */
final class TerminationTest {
  @ParameterizedTest(name = "{0} sink")
  @CsvSource({"working, 0", "hanging, 2"})
  void exit_losesNothingUncounted(String sink, int secondsAtLeast)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                LoadedProcess.class.getName(),
                sink)
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(output.readLine()).isEqualTo("loaded");

      long start = System.nanoTime();
      // Not Process.destroy(), which closes the output too.
      process.toHandle().destroy();
      List<String> lines = output.lines().toList();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);

      assertThat(lines).hasSize(1).allMatch(line -> line.endsWith(" unaccounted=0 uncounted=0"));
      assertThat(process.exitValue()).isEqualTo(143);
      assertThat(seconds).isBetween((long) secondsAtLeast, secondsAtLeast + 10L);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Enqueues from several threads until it is told to exit, then prints where events went. */
  static final class LoadedProcess {
    private static final int THREADS = 3;

    private static final AtomicLong ENQUEUED = new AtomicLong();
    private static final CountDownLatch STOPPED = new CountDownLatch(THREADS);
    private static final CountDownLatch NEVER = new CountDownLatch(1);

    private static volatile boolean isExiting;

    private LoadedProcess() {}

    public static void main(String[] args) throws InterruptedException {
      AtomicLong taken = new AtomicLong();
      CountDownLatch loaded = new CountDownLatch(2);
      boolean hangs = args[0].equals("hanging");
      AsyncCollector<Long> collector =
          AsyncCollector.<Long>builder(
                  batch -> {
                    taken.addAndGet(batch.size());
                    loaded.countDown();
                    if (hangs) {
                      loaded.countDown();
                      NEVER.await();
                    }
                  })
              .start();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> report(collector, taken, hangs)));
      for (int i = 0; i < THREADS; i++) {
        Thread thread = new Thread(() -> load(collector));
        thread.setDaemon(true);
        thread.start();
      }
      loaded.await();
      print("loaded");
      NEVER.await();
    }

    private static void load(AsyncCollector<Long> collector) {
      long own = 0;
      while (!isExiting) {
        collector.enqueue(own++);
      }
      ENQUEUED.addAndGet(own);
      STOPPED.countDown();
    }

    /** Runs beside the hook that closes the collector, in no given order. */
    private static void report(AsyncCollector<Long> collector, AtomicLong taken, boolean hangs) {
      isExiting = true;
      try {
        STOPPED.await();
      } catch (InterruptedException e) {
        return;
      }
      collector.close();
      Counts counts = collector.counts();
      long accounted =
          counts.processed()
              + counts.droppedOldest()
              + counts.droppedSinkFailed()
              + counts.droppedPoison()
              + counts.droppedClosed()
              + counts.queueDepth();
      long processed = hangs ? 0 : taken.get();
      print(
          counts
              + " unaccounted="
              + (ENQUEUED.get() - accounted + counts.queueDepth())
              + " uncounted="
              + (processed - counts.processed()));
    }

    @SuppressWarnings("SystemOut") // the parent process reads it
    private static void print(String line) {
      System.out.println(line);
    }
  }
}
