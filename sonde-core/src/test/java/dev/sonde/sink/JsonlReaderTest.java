// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.sink.JsonlReader.Problem;
import dev.sonde.sink.JsonlReader.Report;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JsonlReaderTest {
  private final Path directory;
  private Path file = Path.of("");
  private List<String> lines = List.of();

  JsonlReaderTest(@TempDir Path temporary) {
    directory = temporary.resolve("archive");
  }

  @BeforeEach
  void writeTenEvents() throws Exception {
    try (JsonlSink sink = JsonlSink.builder(directory).withoutTimer().build()) {
      sink.accept(events(1, 10));
    }
    file = files().get(0);
    lines = Files.readAllLines(file);
  }

  private static List<Event> events(long from, long to) {
    return LongStream.rangeClosed(from, to)
        .mapToObj(i -> (Event) new FunctionEvent(i, 0, 0, 0, 0, "f\u00e9" + i, 1, false, null, 1.0))
        .toList();
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  private Report readTo(List<Event> into) throws IOException {
    return JsonlReader.read(List.of(directory), archived -> into.add(archived.event()));
  }

  private Report read() throws IOException {
    return readTo(new ArrayList<>());
  }

  private void rewrite(List<String> changed) throws IOException {
    Files.write(file, changed);
  }

  private List<String> without(int... indexes) {
    List<String> rest = new ArrayList<>(lines);
    for (int i = indexes.length - 1; i >= 0; i--) {
      rest.remove(indexes[i]);
    }
    return rest;
  }

  @Test
  void read_losesATornLineAtMostWhereverTheFileIsCut() throws Exception {
    Files.delete(file);
    try (JsonlSink sink = JsonlSink.builder(directory).withoutTimer().build()) {
      sink.accept(events(1, 3));
    }
    file = files().get(0);
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length <= whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      long wholeLines =
          new String(whole, 0, length, StandardCharsets.UTF_8)
              .chars()
              .filter(c -> c == '\n')
              .count();
      List<Event> read = new ArrayList<>();

      Report report = readTo(read);

      boolean isCutBetweenLines = length == 0 || whole[length - 1] == '\n';
      assertThat(read).isEqualTo(events(1, Math.min(3, Math.max(0, wholeLines - 1))));
      assertThat(report.tornTails()).as("cut at %d", length).isEqualTo(isCutBetweenLines ? 0 : 1);
      assertThat(report.missing()).isZero();
      assertThat(report.badLines()).isZero();
      assertThat(report.unfinishedFiles()).isEqualTo(length == whole.length ? 0 : 1);
    }
  }

  @Test
  void read_survivesAnyByteThatIsChanged() throws Exception {
    byte[] whole = Files.readAllBytes(file);
    for (int i = 0; i < whole.length; i += 11) {
      byte[] changed = whole.clone();
      changed[i] ^= (byte) (1 << (i % 8));
      Files.write(file, changed);

      Report report = read();

      assertThat(report.events()).as("byte %d", i).isBetween(8L, 11L);
    }
  }

  @Test
  void read_countsMissingLines() throws Exception {
    rewrite(without(2, 5, 6));

    Report report = read();

    assertThat(report.events()).isEqualTo(7);
    assertThat(report.missing()).isEqualTo(3);
    assertThat(report.isComplete()).isFalse();
    assertThat(report.problems())
        .extracting(Problem::what)
        .containsExactly(
            "1 events before number 3 are missing without a word",
            "2 events before number 7 are missing without a word");
  }

  @Test
  void read_countsALastEventThatIsMissing() throws Exception {
    rewrite(without(10));

    assertThat(read().missing()).isEqualTo(1);
  }

  @Test
  void read_leavesOutALineThatIsThereTwice() throws Exception {
    List<String> more = new ArrayList<>(lines);
    more.add(4, lines.get(2));
    rewrite(more);

    Report report = read();

    assertThat(report.events()).isEqualTo(10);
    assertThat(report.duplicates()).isEqualTo(1);
    assertThat(report.isComplete()).isTrue();
  }

  @Test
  void read_leavesOutAFileThatIsThereTwice() throws Exception {
    Files.copy(file, directory.resolve("sonde-copy-20260101T000000.000Z-000001.jsonl"));

    Report report = read();

    assertThat(report.events()).isEqualTo(10);
    assertThat(report.duplicates()).isEqualTo(10);
  }

  @Test
  void read_takesOneOfTwoFormsOfAFile() throws Exception {
    String name = file.getFileName().toString();
    Files.copy(file, directory.resolve(name + ".part"));

    Report report = read();

    assertThat(report.events()).isEqualTo(10);
    assertThat(report.duplicates()).isZero();
    assertThat(report.files()).isEqualTo(1);
  }

  @Test
  void read_countsAFileThatIsMissingBetweenTwo() throws Exception {
    Path other = directory.resolveSibling("other");
    try (JsonlSink sink = JsonlSink.builder(other).rotateBytes(1_024).withoutTimer().build()) {
      sink.accept(events(1, 20));
    }
    List<Path> files;
    try (Stream<Path> all = Files.list(other)) {
      files = all.sorted().toList();
    }
    long before = JsonlReader.read(List.of(files.get(1)), event -> {}).events();
    Files.delete(files.get(1));

    Report report = JsonlReader.read(List.of(other), event -> {});

    assertThat(report.missing()).isEqualTo(before);
    assertThat(report.events()).isEqualTo(20 - before);
  }

  @Test
  void read_saysWhereABadLineIs() throws Exception {
    List<String> changed = new ArrayList<>(lines);
    changed.set(3, "not json");
    changed.set(5, changed.get(5).replace("\"v\":1", "\"v\":2"));
    rewrite(changed);

    Report report = read();

    assertThat(report.badLines()).isEqualTo(2);
    assertThat(report.events()).isEqualTo(8);
    assertThat(report.problems())
        .contains(
            new Problem(file, 4, "not valid JSON at column 1"),
            new Problem(file, 6, "v must be 1"));
  }

  @Test
  void read_doesNotKeepAnEndlessLine() throws Exception {
    List<String> changed = new ArrayList<>(lines);
    changed.add(3, "x".repeat(3_000_000));
    rewrite(changed);

    Report report = read();

    assertThat(report.badLines()).isEqualTo(1);
    assertThat(report.events()).isEqualTo(10);
  }

  @Test
  void read_takesLinesWithoutAHeader() throws Exception {
    Path plain = directory.resolveSibling("plain.txt");
    Files.write(plain, lines.subList(3, 6));

    Report report = JsonlReader.read(List.of(plain), event -> {});

    assertThat(report.events()).isEqualTo(3);
    assertThat(report.missing()).isZero();
  }

  @Test
  void read_countsDamagedCompression() throws Exception {
    Path zipped = directory.resolveSibling("zipped");
    try (JsonlSink sink = JsonlSink.builder(zipped).compress(true).withoutTimer().build()) {
      sink.accept(events(1, 500));
    }
    Path archive;
    try (Stream<Path> all = Files.list(zipped)) {
      archive = all.findFirst().orElseThrow();
    }
    byte[] whole = Files.readAllBytes(archive);
    Files.write(archive, Arrays.copyOf(whole, whole.length / 2));

    Report report = JsonlReader.read(List.of(zipped), event -> {});

    assertThat(report.tornTails()).isEqualTo(1);
    assertThat(report.events()).isBetween(1L, 499L);
    assertThat(report.isComplete()).isFalse();
  }

  @Test
  void read_refusesAPathThatDoesNotExist() {
    Path absent = directory.resolve("absent");

    assertThatThrownBy(() -> JsonlReader.read(List.of(absent), event -> {}))
        .isInstanceOf(NoSuchFileException.class);
  }
}
