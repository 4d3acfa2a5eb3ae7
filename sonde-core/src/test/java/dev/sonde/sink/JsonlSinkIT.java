// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.PoisonException;
import dev.sonde.collect.SinkPausedException;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.sink.JsonlReader.Report;
import dev.sonde.testing.ManualClock;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive on real disks and in real processes. */
final class JsonlSinkIT {
  private static final int KILLS = 12;

  private final Path temporary;

  JsonlSinkIT(@TempDir Path temporary) {
    this.temporary = temporary;
  }

  @Test
  void accept_losesNothingThatWasTakenWhenTheProcessIsKilled()
      throws IOException, InterruptedException {
    Path directory = temporary.resolve("killed");
    Random random = new Random(9);
    long taken = 0;
    for (int i = 0; i < KILLS; i++) {
      Process process = ArchiveProcess.start(directory, Long.MAX_VALUE, 100_000);
      try {
        taken += killAfter(process, 1 + random.nextInt(200));
      } finally {
        process.destroyForcibly().waitFor();
      }
      Report dirty = JsonlReader.read(List.of(directory), event -> {});
      assertThat(dirty.missing() + dirty.badLines()).as("%s", dirty).isZero();
      assertThat(dirty.tornTails()).isLessThanOrEqualTo(1);
      assertThat(dirty.events()).isGreaterThanOrEqualTo(taken);
    }

    JsonlSink.builder(directory).build().close();

    Report report = JsonlReader.read(List.of(directory), event -> {});
    assertThat(report.isComplete()).as("%s", report).isTrue();
    assertThat(report.runs()).isEqualTo(KILLS);
    assertThat(report.events()).isGreaterThanOrEqualTo(taken);
    try (Stream<Path> files = Files.list(directory)) {
      // A lock file of a process that died right after it finished its file may stay a while.
      assertThat(files).noneMatch(file -> file.toString().endsWith(".part"));
    }
  }

  /** Events that the process said were taken until it died. */
  private static long killAfter(Process process, int batches) throws IOException {
    long last = -1;
    try (DataInputStream acknowledged = new DataInputStream(process.getInputStream())) {
      while (true) {
        last = acknowledged.readLong();
        if (last == batches) {
          process.destroyForcibly();
        }
      }
    } catch (EOFException e) {
      return (last + 1) * ArchiveProcess.BATCH_SIZE;
    } catch (IOException e) {
      // The stream of a process that dies may be closed under its reader.
      return (last + 1) * ArchiveProcess.BATCH_SIZE;
    }
  }

  @Test
  void accept_sharesADirectoryWithAnotherProcess() throws IOException, InterruptedException {
    Path directory = temporary.resolve("shared");
    Process first = ArchiveProcess.start(directory, 500, 10_000);
    Process second = ArchiveProcess.start(directory, 500, 10_000);
    try {
      first.getInputStream().transferTo(OutputStream.nullOutputStream());
      second.getInputStream().transferTo(OutputStream.nullOutputStream());
      assertThat(first.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(second.waitFor(20, TimeUnit.SECONDS)).isTrue();
    } finally {
      first.destroyForcibly();
      second.destroyForcibly();
    }

    Report report = JsonlReader.read(List.of(directory), event -> {});
    assertThat(report.events()).isEqualTo(2 * 500 * ArchiveProcess.BATCH_SIZE);
    assertThat(report.runs()).isEqualTo(2);
    assertThat(report.problems()).isEmpty();
    assertThat(report.unfinishedFiles()).isZero();
  }

  @Test
  void accept_goesOnByItselfTwentyTimesAfterAFullDisk()
      throws IOException, InterruptedException, PoisonException {
    try (SmallDisk disk = SmallDisk.mount(temporary.resolve("small"))) {
      Path directory = disk.path().resolve("archive");
      ManualClock clock = new ManualClock();
      long offered = 0;
      long lost = 0;
      try (JsonlSink sink =
          JsonlSink.builder(directory)
              .rotateBytes(16_384)
              .totalBytesMax(100_000)
              .clock(clock)
              .withoutTimer()
              .build()) {
        for (int cycle = 0; cycle < 20; cycle++) {
          disk.fill();
          do {
            lost += offer(sink, offered);
            offered += 50;
            clock.advance(Duration.ofMillis(100));
          } while (!sink.counts().isPaused());
          disk.free();
          clock.advance(Duration.ofSeconds(1));
          sink.tick();
          assertThat(sink.counts().isPaused()).as("cycle %d", cycle).isFalse();
          lost += offer(sink, offered);
          offered += 50;
          assertThat(sink.counts().written() + sink.counts().lost()).isEqualTo(offered);
        }
        assertThat(sink.counts().lost()).isEqualTo(lost).isPositive();
      }

      Report report = JsonlReader.read(List.of(directory), event -> {});
      assertThat(report.isComplete()).as("%s", report).isTrue();
      assertThat(report.unfinishedFiles()).isZero();
    }
  }

  @Test
  void accept_goesOnWithinFiveSecondsAfterAFullDisk() throws IOException, InterruptedException {
    try (SmallDisk disk = SmallDisk.mount(temporary.resolve("small"))) {
      JsonlSink sink = JsonlSink.builder(disk.path().resolve("archive")).build();
      AsyncCollector<Event> collector =
          AsyncCollector.<Event>builder(sink).flushInterval(Duration.ofMillis(10)).start();
      try {
        disk.fill();
        await()
            .atMost(Duration.ofSeconds(20))
            .pollInterval(Duration.ofMillis(2))
            .until(
                () -> {
                  collector.enqueue(event(1));
                  return sink.counts().isPaused();
                });

        disk.free();

        await().atMost(Duration.ofSeconds(5)).until(() -> !sink.counts().isPaused());
      } finally {
        collector.close();
      }
      AsyncCollector.Counts counts = collector.counts();
      Report report = JsonlReader.read(List.of(sink.directory()), event -> {});
      assertThat(counts.droppedSinkFailed()).isPositive().isEqualTo(report.lost());
      assertThat(counts.processed()).isEqualTo(report.events());
      assertThat(counts.enqueued()).isEqualTo(counts.processed() + counts.droppedSinkFailed());
      assertThat(report.isComplete()).isTrue();
    }
  }

  private static long offer(JsonlSink sink, long from) throws PoisonException {
    try {
      sink.accept(LongStream.range(from, from + 50).mapToObj(JsonlSinkIT::event).toList());
      return 0;
    } catch (SinkPausedException e) {
      return e.lost();
    }
  }

  private static Event event(long number) {
    return new FunctionEvent(number, 0, 0, 0, 0, "f" + number, 1, false, null, 1.0);
  }

  /** A file system in memory of 512 KiB, on which a disk can be full; needs root and Linux. */
  private record SmallDisk(Path path) implements AutoCloseable {
    static SmallDisk mount(Path path) throws IOException, InterruptedException {
      Files.createDirectories(path);
      String said = run("mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", path);
      if (said != null) {
        String why = "cannot mount a small disk, which needs root on Linux: " + said;
        if ("true".equals(System.getenv("CI"))) {
          fail(why);
        }
        abort(why);
      }
      return new SmallDisk(path);
    }

    void fill() throws IOException {
      byte[] block = new byte[4096];
      try (OutputStream ballast = Files.newOutputStream(path.resolve("ballast"))) {
        while (true) {
          ballast.write(block);
        }
      } catch (IOException e) {
        assertThat(e).hasMessageContaining("No space left");
      }
    }

    void free() throws IOException {
      Files.delete(path.resolve("ballast"));
    }

    @Override
    public void close() throws IOException, InterruptedException {
      assertThat(run("umount", path)).isNull();
    }

    /** Null if it worked, else what it said. */
    private static @Nullable String run(Object... command)
        throws IOException, InterruptedException {
      Process process;
      try {
        process =
            new ProcessBuilder(Stream.of(command).map(Object::toString).toList())
                .redirectErrorStream(true)
                .start();
      } catch (IOException e) {
        return e.toString();
      }
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? null : said.strip();
    }
  }
}
