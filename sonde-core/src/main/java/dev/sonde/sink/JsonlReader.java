// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.event.Event;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * Reads archives, and tells what is missing from them.
 *
 * <p>Finished, compressed and unfinished files are read, also while they are being written. A torn
 * last line, a line that is no event and a gap cost themselves alone; an event whose number was
 * there before is left out.
 */
public final class JsonlReader {
  /** A line of the writer is shorter by far; a longer one is passed over, not kept in memory. */
  private static final int LINE_MAX_BYTES = 1 << 20;

  private static final int PROBLEMS_KEPT = 100;

  private final Consumer<ArchivedEvent> consumer;

  /** What has been read of each run: segments that do not overlap, by their first number. */
  private final Map<String, TreeMap<Long, Segment>> segmentsByRun = new HashMap<>();

  private final List<Problem> problems = new ArrayList<>();
  private long files;
  private long events;
  private long lost;
  private long missing;
  private long duplicates;
  private long badLines;
  private long tornTails;
  private long unfinishedFiles;

  // The file that is being read.
  private Path file = Path.of("");
  private long lineNumber;
  private @Nullable Header header;
  private long expected;
  private boolean hasEvents;
  private long unreadable;
  private final TreeMap<Long, Long> holes = new TreeMap<>();
  private boolean hasEnd;

  private JsonlReader(Consumer<ArchivedEvent> consumer) {
    this.consumer = consumer;
  }

  /**
   * Reads files and the files of directories, oldest first.
   *
   * @param paths files, or directories whose archive files are read; sub-directories are not
   * @param consumer takes each event
   * @return what was found and what was missing
   * @throws IOException if a path does not exist or cannot be read
   */
  public static Report read(List<Path> paths, Consumer<ArchivedEvent> consumer) throws IOException {
    JsonlReader reader = new JsonlReader(consumer);
    for (Path path : paths) {
      for (Path file : filesOf(path)) {
        reader.readFile(file);
      }
    }
    return reader.report();
  }

  /** The header of a file, or null if it has none or cannot be read. */
  static @Nullable Header headerOf(Path file) {
    try (InputStream in = open(file)) {
      Lines lines = new Lines(in);
      return lines.next() ? Header.of(JsonFields.parse(lines.bytes(), 0, lines.length())) : null;
    } catch (IOException e) {
      return null;
    }
  }

  private static List<Path> filesOf(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return List.of(path);
    }
    Map<ArchiveName, Path> byName = new TreeMap<>(ArchiveName.BY_AGE);
    try (Stream<Path> entries = Files.list(path)) {
      for (Path file : entries.sorted(Comparator.reverseOrder()).toList()) {
        ArchiveName name = nameOf(file);
        if (name != null && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
          // A crash can leave two forms of one file, each of them whole.
          byName.putIfAbsent(name, file);
        }
      }
    }
    return List.copyOf(byName.values());
  }

  private static @Nullable ArchiveName nameOf(Path file) {
    for (String suffix :
        List.of(ArchiveName.FINISHED, ArchiveName.COMPRESSED, ArchiveName.ACTIVE)) {
      ArchiveName name = ArchiveName.parse(file, suffix);
      if (name != null) {
        return name;
      }
    }
    return null;
  }

  private static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    if (!file.getFileName().toString().endsWith(".gz")) {
      return in;
    }
    boolean isOpen = false;
    try {
      InputStream unzipped = new BufferedInputStream(new GZIPInputStream(in, 1 << 13), 1 << 16);
      isOpen = true;
      return unzipped;
    } finally {
      if (!isOpen) {
        in.close();
      }
    }
  }

  private void readFile(Path path) throws IOException {
    files++;
    file = path;
    lineNumber = 0;
    header = null;
    expected = 0;
    unreadable = 0;
    holes.clear();
    hasEnd = false;
    try (InputStream in = open(path)) {
      Lines lines = new Lines(in);
      while (lines.next()) {
        lineNumber++;
        readLine(lines);
      }
    } catch (EOFException | ZipException e) {
      tornTails++;
      problem("the compressed data ends early or is damaged");
    }
    closeSegment();
    if (!hasEnd) {
      unfinishedFiles++;
    }
  }

  private void readLine(Lines lines) {
    if (!lines.isComplete()) {
      tornTails++;
      problem("the last line is torn");
      return;
    }
    long before = expected;
    try {
      if (lines.isTooLong()) {
        throw new BadLineException("longer than " + LINE_MAX_BYTES + " bytes");
      }
      JsonFields fields = JsonFields.parse(lines.bytes(), 0, lines.length());
      EventJsonReader.checkVersion(fields);
      switch (fields.text("type")) {
        case "header" -> begin(fields);
        case "gap" -> skipGap(fields);
        case "end" -> end(fields);
        default -> take(fields);
      }
    } catch (BadLineException e) {
      badLines++;
      unreadable += expected == before ? 1 : 0;
      problem(String.valueOf(e.getMessage()));
    }
  }

  private void begin(JsonFields fields) throws BadLineException {
    closeSegment();
    Header begun = Header.of(fields);
    header = begun;
    expected = begun.firstSequence();
    hasEvents = false;
    holes.clear();
    hasEnd = false;
  }

  private void skipGap(JsonFields fields) throws BadLineException {
    long from = fields.integer("from_seq");
    long to = fields.integer("to_seq");
    lost += to - from + 1;
    problem("events " + from + " to " + to + " are missing: " + fields.text("reason"));
    if (header != null) {
      // Whole lines of a failed write that could not be cut off are there, against all promises.
      lost -= known(header.run(), from, to + 1);
      checkExpected(from);
      expected = Math.max(expected, to + 1);
    }
  }

  private void end(JsonFields fields) throws BadLineException {
    if (header != null) {
      checkExpected(fields.integer("last_seq") + 1);
    }
    hasEnd = true;
  }

  private void take(JsonFields fields) throws BadLineException {
    long sequence = fields.isPresent("seq") ? fields.integer("seq") : 0;
    if (header != null && sequence > 0 && !isNew(header, sequence)) {
      duplicates++;
      return;
    }
    Event event = EventJsonReader.toEvent(fields);
    if (event == null) {
      throw new BadLineException("type is not known to this version");
    }
    events++;
    consumer.accept(
        new ArchivedEvent(
            event,
            fields.integer("ts_ns"),
            sequence,
            header == null ? "" : header.instance(),
            file));
  }

  /** Moves on to a number; false if it has been there. */
  private boolean isNew(Header of, long sequence) {
    if (isKnown(of.run(), sequence)) {
      return false;
    }
    if (sequence >= expected || !hasEvents) {
      checkExpected(sequence);
      // A line that turns out bad was there all the same, and is counted as bad, not as missing.
      expected = sequence + 1;
      hasEvents = true;
      return true;
    }
    // One damaged number, far too large, must not make all that follow it look like duplicates.
    Map.Entry<Long, Long> hole = holes.floorEntry(sequence);
    if (hole == null || sequence >= hole.getValue()) {
      return false;
    }
    holes.put(hole.getKey(), sequence);
    holes.put(sequence + 1, hole.getValue());
    missing--;
    return true;
  }

  private void checkExpected(long sequence) {
    // A line that could not be read may have held one of the numbers that are missing.
    long absent = sequence - expected - unreadable;
    if (absent > 0) {
      missing += absent;
      holes.put(expected, sequence);
      problem(absent + " events before number " + sequence + " are missing without a word");
    }
    expected = hasEvents ? Math.max(expected, sequence) : sequence;
    unreadable = 0;
  }

  private boolean isKnown(String run, long sequence) {
    return known(run, sequence, sequence + 1) > 0;
  }

  /** How many of the numbers from {@code first} to before {@code end} stand in earlier files. */
  private long known(String run, long first, long end) {
    TreeMap<Long, Segment> segments = segmentsByRun.get(run);
    if (segments == null) {
      return 0;
    }
    Long start = segments.floorKey(first);
    long known = 0;
    for (Segment segment : segments.subMap(start == null ? first : start, end).values()) {
      known += Math.max(0, Math.min(end, segment.end()) - Math.max(first, segment.first()));
    }
    return known;
  }

  private void closeSegment() {
    Header closed = header;
    if (closed == null || expected <= closed.firstSequence()) {
      return;
    }
    TreeMap<Long, Segment> segments =
        segmentsByRun.computeIfAbsent(closed.run(), run -> new TreeMap<>());
    long first = closed.firstSequence();
    Map.Entry<Long, Segment> before = segments.floorEntry(first);
    if (before != null && before.getValue().end() > first) {
      first = before.getValue().end();
    }
    Map.Entry<Long, Segment> after = segments.ceilingEntry(first);
    while (after != null && first < expected) {
      addSegment(segments, first, Math.min(expected, after.getKey()));
      first = after.getValue().end();
      after = segments.ceilingEntry(first);
    }
    addSegment(segments, first, expected);
  }

  private void addSegment(Map<Long, Segment> segments, long first, long end) {
    if (end > first) {
      segments.put(first, new Segment(first, end, file));
    }
  }

  /** Gaps between files; what is older than the first file may have been deleted on purpose. */
  private void checkRuns() {
    for (TreeMap<Long, Segment> segments : segmentsByRun.values()) {
      long next = segments.firstKey();
      for (Segment segment : segments.values()) {
        if (segment.first() > next) {
          missing += segment.first() - next;
          file = segment.file();
          lineNumber = 1;
          problem("events " + next + " to " + (segment.first() - 1) + " before it are missing");
        }
        next = segment.end();
      }
    }
  }

  private Report report() {
    checkRuns();
    return new Report(
        files,
        segmentsByRun.size(),
        events,
        lost,
        missing,
        duplicates,
        badLines,
        tornTails,
        unfinishedFiles,
        List.copyOf(problems));
  }

  private void problem(String what) {
    if (problems.size() < PROBLEMS_KEPT) {
      problems.add(new Problem(file, lineNumber, what));
    }
  }

  /**
   * An event out of an archive.
   *
   * @param event what happened
   * @param epochNanos when, in wall-clock nanoseconds since 1970-01-01T00:00:00Z
   * @param sequence its number within the run that wrote it, from 1, or 0 if the line has none
   * @param instance the process that wrote it, or an empty text if the file has no header
   * @param file where it stands
   */
  public record ArchivedEvent(
      Event event, long epochNanos, long sequence, String instance, Path file) {}

  /**
   * Something wrong with an archive.
   *
   * @param file where
   * @param line number of the line, from 1
   * @param what is wrong with it
   */
  public record Problem(Path file, long line, String what) {}

  /**
   * What was found in an archive.
   *
   * @param files files that were read
   * @param runs processes that wrote them
   * @param events events that were read
   * @param lost events of which a gap line tells that they were lost
   * @param missing events that should be there and are not
   * @param duplicates events that were there twice, and left out
   * @param badLines whole lines that are none of the archive
   * @param tornTails files whose last line is torn
   * @param unfinishedFiles files without an end line: in use, or their writer died
   * @param problems the first 100 of them
   */
  public record Report(
      long files,
      long runs,
      long events,
      long lost,
      long missing,
      long duplicates,
      long badLines,
      long tornTails,
      long unfinishedFiles,
      List<Problem> problems) {
    /** Whether every event that was written to these files was read. */
    public boolean isComplete() {
      return missing == 0 && badLines == 0 && tornTails == 0;
    }
  }

  /** What the first line of a file says about it. */
  record Header(String instance, String prefix, String run, long firstSequence) {
    static Header of(JsonFields fields) throws BadLineException {
      EventJsonReader.checkVersion(fields);
      if (!fields.text("type").equals("header")) {
        throw new BadLineException("type must be header");
      }
      return new Header(
          fields.text("instance"),
          fields.text("prefix"),
          fields.text("run"),
          fields.integer("first_seq"));
    }
  }

  private record Segment(long first, long end, Path file) {}

  /** Splits bytes into lines of bounded length. */
  private static final class Lines {
    private final InputStream in;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream(1024);
    private byte[] bytes = new byte[0];
    private boolean isComplete;
    private boolean isTooLong;

    Lines(InputStream in) {
      this.in = in;
    }

    /** Moves to the next line; false at the end. */
    boolean next() throws IOException {
      line.reset();
      isComplete = false;
      isTooLong = false;
      int b;
      while ((b = in.read()) >= 0) {
        if (b == '\n') {
          isComplete = true;
          break;
        }
        if (line.size() < LINE_MAX_BYTES) {
          line.write(b);
        } else {
          isTooLong = true;
        }
      }
      bytes = line.toByteArray();
      return isComplete || bytes.length > 0;
    }

    byte[] bytes() {
      return bytes;
    }

    int length() {
      return bytes.length;
    }

    boolean isComplete() {
      return isComplete;
    }

    boolean isTooLong() {
      return isTooLong;
    }
  }
}
