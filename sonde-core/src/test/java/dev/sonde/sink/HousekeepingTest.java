// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.sonde.collect.PoisonException;
import dev.sonde.collect.SinkPausedException;
import dev.sonde.event.FunctionEvent;
import dev.sonde.time.ClockAnchor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HousekeepingTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final FunctionEvent EVENT =
      new FunctionEvent(1, 0, 0, 0, 0, "f", 1, false, null, 1.0);
  private static final int FILE_BYTES = 1_000;

  private final Path dir;

  HousekeepingTest(@TempDir Path temporary) {
    dir = temporary;
  }

  @Test
  void filesMax_keepsTheNewestOfAllProcesses() throws IOException {
    finished("sonde", "dead", 1, Duration.ofHours(4));
    finished("sonde", "late", 1, Duration.ofHours(1));
    finished("sonde", "dead", 2, Duration.ofHours(3));
    finished("sonde", "late", 2, Duration.ZERO);
    finished("sonde", "third", 1, Duration.ofHours(2));

    Housekeeping housekeeping = filesMax(3);
    housekeeping.run();

    assertThat(names())
        .containsExactly(
            "sonde-late-20251231T230000.000Z-000001.jsonl",
            "sonde-late-20260101T000000.000Z-000002.jsonl",
            "sonde-third-20251231T220000.000Z-000001.jsonl");
    assertThat(housekeeping.deleted()).isEqualTo(2);
  }

  @Test
  void totalBytesMax_deletesTheOldestUntilTheRestFits() throws IOException {
    List<Path> files =
        IntStream.rangeClosed(1, 5)
            .mapToObj(i -> finished("sonde", "a", i, Duration.ofHours(6 - i)))
            .toList();

    totalBytesMax(3 * FILE_BYTES).run();
    assertThat(paths()).containsExactlyElementsOf(files.subList(2, 5));

    totalBytesMax(3 * FILE_BYTES - 1).run();
    assertThat(paths()).containsExactlyElementsOf(files.subList(3, 5));
  }

  @Test
  void ageMax_deletesWhatIsOlder() throws IOException {
    finished("sonde", "a", 1, Duration.ofHours(24).plusMillis(1));
    Path kept = finished("sonde", "b", 1, Duration.ofHours(24));

    ageMax(Duration.ofDays(1)).run();

    assertThat(paths()).containsExactly(kept);
  }

  @Test
  void limits_countCompressedFiles() throws IOException {
    Path first = finished("sonde", "a", 1, Duration.ofHours(2));
    new Housekeeping(new Storage(), dir, "sonde", true, null, null, null, () -> NOW).run();
    finished("sonde", "a", 2, Duration.ofHours(1));
    assertThat(names()).contains(first.getFileName() + ".gz");

    filesMax(1).run();

    assertThat(names()).containsExactly("sonde-a-20251231T230000.000Z-000002.jsonl");
  }

  @Test
  void limits_spareWhatIsInUseOrOfAnotherPrefixOrNoArchive()
      throws IOException, PoisonException, SinkPausedException {
    finished("sonde", "a", 1, Duration.ofHours(9));
    finished("sonde", "a", 2, Duration.ofHours(8));
    Path[] others = {
      finished("sonde-x", "a", 1, Duration.ofHours(9)),
      finished("other", "a", 1, Duration.ofHours(9)),
      Files.writeString(dir.resolve("sonde-notes.jsonl"), "mine"),
      Files.writeString(dir.resolve("sonde-a-20250101T000000.000Z-000001.jsonl"), "mine")
    };
    try (JsonlSink used = JsonlSink.builder(dir).instance("used").build()) {
      used.accept(List.of(EVENT));

      filesMax(1).run();

      assertThat(paths()).contains(others);
      assertThat(names())
          .doesNotContain("sonde-a-20251231T150000.000Z-000001.jsonl")
          .contains("sonde-a-20251231T160000.000Z-000002.jsonl")
          .anyMatch(name -> name.startsWith("sonde-used-") && name.endsWith(".part"));
    }
  }

  /** Where there are no links, a name is taken by an empty file first. */
  @Test
  void limits_applyToAFileThatCouldNotBeReadBefore() throws IOException {
    Path file = finished("sonde", "a", 1, Duration.ofHours(2));
    byte[] content = Files.readAllBytes(file);
    Files.write(file, new byte[0]);
    Housekeeping housekeeping = ageMax(Duration.ofHours(1));
    housekeeping.run();
    assertThat(paths()).containsExactly(file);

    Files.write(file, content);
    Files.setLastModifiedTime(file, FileTime.from(NOW.minus(Duration.ofHours(2))));
    housekeeping.run();

    assertThat(paths()).isEmpty();
  }

  @Test
  void limits_areKeptWithTheRestWhenOneFileCannotBeDeleted() throws IOException {
    Path stuck = finished("sonde", "a", 1, Duration.ofHours(3));
    finished("sonde", "a", 2, Duration.ofHours(2));
    Path newest = finished("sonde", "a", 3, Duration.ofHours(1));
    Storage storage =
        new Storage() {
          @Override
          void delete(Path file) throws IOException {
            if (file.equals(stuck)) {
              throw new IOException("not permitted");
            }
            super.delete(file);
          }
        };
    Housekeeping housekeeping =
        new Housekeeping(storage, dir, "sonde", false, 2, null, null, () -> NOW);

    assertThatIOException().isThrownBy(housekeeping::run).withMessage("not permitted");

    assertThat(paths()).containsExactly(stuck, newest);
    assertThat(housekeeping.deleted()).isEqualTo(1);
  }

  private Housekeeping filesMax(int filesMax) {
    return housekeeping(filesMax, null, null);
  }

  private Housekeeping ageMax(Duration ageMax) {
    return housekeeping(null, ageMax, null);
  }

  private Housekeeping totalBytesMax(long totalBytesMax) {
    return housekeeping(null, null, totalBytesMax);
  }

  private Housekeeping housekeeping(
      @Nullable Integer filesMax, @Nullable Duration ageMax, @Nullable Long totalBytesMax) {
    return new Housekeeping(
        new Storage(), dir, "sonde", false, filesMax, ageMax, totalBytesMax, () -> NOW);
  }

  /** A file that a process finished some time ago, as its sink would have. */
  private Path finished(String prefix, String instance, long number, Duration age) {
    Instant time = NOW.minus(age);
    ClockAnchor anchor = new ClockAnchor(time.toEpochMilli() * 1_000_000, 0);
    ArchiveLines lines = new ArchiveLines();
    lines.addHeader("shop", instance, prefix, instance + "-run", number, 1, anchor);
    lines.add(EVENT, 1);
    byte[] content = Arrays.copyOf(lines.array(), FILE_BYTES);
    Arrays.fill(content, lines.size(), FILE_BYTES, (byte) '\n');
    try {
      Path file = ArchiveName.of(prefix, instance, time, number).in(dir, ArchiveName.FINISHED);
      Files.write(file, content);
      return Files.setLastModifiedTime(file, FileTime.from(time));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<Path> paths() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      return files.sorted().toList();
    }
  }

  private List<String> names() throws IOException {
    return paths().stream().map(file -> file.getFileName().toString()).toList();
  }
}
