// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.collect.PoisonException;
import dev.sonde.collect.SinkPausedException;
import dev.sonde.event.Event;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What one sink writes: events, numbered without a gap, in one file after another.
 *
 * <p>After a failure it pauses for a second at a time and loses what is offered meanwhile; the
 * numbers go on, and a gap line tells of them as soon as one can be written.
 *
 * <p>Not thread-safe.
 */
final class ArchiveRun {
  private static final Logger LOGGER = System.getLogger("dev.sonde.core");

  private static final String WRITE_FAILED = "write_failed";
  private static final String FILE_VANISHED = "file_vanished";
  private static final String NOT_WRITABLE = "not_writable_as_json";

  /**
   * Most bytes that are collected before a write: a batch of huge events must not fill the heap.
   */
  private static final int WRITE_MAX_BYTES = 1 << 20;

  private static final long RETRY_NANOS = 1_000_000_000;

  /** Failures on one file after which a new one is tried: the descriptor itself may be bad. */
  private static final int FAILURES_OF_ONE_FILE = 2;

  private final String id;
  private final Path directory;
  private final String service;
  private final String prefix;
  private final String instance;
  private final long rotateBytes;
  private final long rotateNanos;
  private final MonotonicClock clock;
  private final Supplier<ClockAnchor> anchors;
  private final Storage storage;
  private final ArchiveLines lines = new ArchiveLines();

  private @Nullable ArchiveFile file;
  private long fileFirstSequence;
  private long fileEvents;
  private long fileLost;
  private long fileOpenedNanos;
  private long fileNumber;
  private int fileFailures;

  /** Number of the next event. */
  private long sequence = 1;

  /** First lost event that no gap line tells of yet, or 0. */
  private long gapFrom;

  private String gapReason = WRITE_FAILED;
  private boolean isPaused;
  private boolean hasWarned;
  private boolean hasResumed;
  private long retryNanos;

  private long written;
  private long poisoned;
  private long lost;
  private long bytes;
  private long finishedFiles;
  private long closedFiles;

  /**
   * Begins a run; nothing is written before the first event.
   *
   * @param id a text that no other run has
   * @param directory where the files go
   */
  ArchiveRun(
      String id,
      Path directory,
      String service,
      String prefix,
      String instance,
      long rotateBytes,
      long rotateNanos,
      MonotonicClock clock,
      Supplier<ClockAnchor> anchors,
      Storage storage) {
    this.id = id;
    this.directory = directory;
    this.service = service;
    this.prefix = prefix;
    this.instance = instance;
    this.rotateBytes = rotateBytes;
    this.rotateNanos = rotateNanos;
    this.clock = clock;
    this.anchors = anchors;
    this.storage = storage;
  }

  static Instant instantOf(ClockAnchor anchor) {
    return Instant.ofEpochSecond(0, anchor.epochNanos());
  }

  /**
   * Writes a batch, in one write unless it is huge or fills the file.
   *
   * @throws PoisonException if single events cannot be written as JSON; the others were
   * @throws SinkPausedException if the disk did not take the batch or its end
   */
  void write(List<Event> batch) throws PoisonException, SinkPausedException {
    if (isPaused && clock.nanoTime() - retryNanos < 0) {
      lose(batch.size());
      throw new SinkPausedException(batch.size(), null);
    }
    int done = 0;
    int refused = 0;
    Throwable firstRefusal = null;
    try {
      while (done < batch.size()) {
        checkFileIsInPlace();
        ArchiveFile current = openFile();
        Encoded encoded = encode(batch, done, rotateBytes - current.size());
        current.write(lines.array(), lines.size());
        commit(encoded);
        done = encoded.end();
        refused += encoded.refused();
        firstRefusal = firstRefusal == null ? encoded.firstRefusal() : firstRefusal;
        if (current.size() >= rotateBytes) {
          finishFile();
        }
      }
    } catch (IOException | RuntimeException | Error e) {
      // Errors too: whatever happens, the numbers of the events go on without a gap.
      int left = batch.size() - done;
      fail(e);
      lose(left);
      throw new SinkPausedException(left, refused, e);
    }
    if (refused > 0) {
      throw new PoisonException(refused, firstRefusal);
    }
  }

  /** Finishes a file that is old, and goes on after a failure whose time is over. */
  void tick() {
    checkFileIsInPlace();
    if (file != null && clock.nanoTime() - fileOpenedNanos >= rotateNanos) {
      finishFile();
    }
    if (gapFrom != 0 && clock.nanoTime() - retryNanos >= 0) {
      resume();
    }
  }

  /** Finishes the file in use. */
  void close() {
    if (gapFrom != 0) {
      resume();
    }
    finishFile();
  }

  /** Files that this run writes to no more. */
  long closedFiles() {
    return closedFiles;
  }

  /** What has become of the events; what housekeeping did is told by its own counts. */
  JsonlSink.Counts counts(long recoveredFiles, long deletedFiles) {
    return new JsonlSink.Counts(
        written, poisoned, lost, bytes, finishedFiles, recoveredFiles, deletedFiles, isPaused);
  }

  /** Puts the gap that is to be told of and as many events as fit into the lines. */
  private Encoded encode(List<Event> batch, int start, long room) {
    lines.clear();
    addGap();
    int refused = 0;
    Throwable firstRefusal = null;
    long number = sequence;
    int i = start;
    do {
      try {
        lines.add(batch.get(i), number);
      } catch (RuntimeException | StackOverflowError e) {
        lines.addGap(clock.nanoTime(), number, number, NOT_WRITABLE);
        refused++;
        firstRefusal = firstRefusal == null ? e : firstRefusal;
      }
      number++;
      i++;
    } while (i < batch.size() && lines.size() < Math.min(room, WRITE_MAX_BYTES));
    return new Encoded(i, i - start, refused, firstRefusal);
  }

  private void addGap() {
    if (gapFrom != 0) {
      lines.addGap(clock.nanoTime(), gapFrom, sequence - 1, gapReason);
    }
  }

  /** The lines are in the file. */
  private void commit(Encoded encoded) {
    if (gapFrom != 0) {
      fileLost += sequence - gapFrom;
      gapFrom = 0;
    }
    sequence += encoded.offered();
    int taken = encoded.offered() - encoded.refused();
    written += taken;
    fileEvents += taken;
    poisoned += encoded.refused();
    fileLost += encoded.refused();
    bytes += lines.size();
    fileFailures = 0;
    if (isPaused) {
      isPaused = false;
      Level level = hasResumed ? Level.DEBUG : Level.INFO;
      hasResumed = true;
      LOGGER.log(level, "the archive in {0} goes on, {1} events were lost", directory, lost);
    }
  }

  private void lose(int count) {
    if (count > 0 && gapFrom == 0) {
      gapFrom = sequence;
      gapReason = WRITE_FAILED;
    }
    sequence += count;
    lost += count;
  }

  private void fail(Throwable cause) {
    retryNanos = clock.nanoTime() + RETRY_NANOS;
    if (!isPaused) {
      isPaused = true;
      Level level = hasWarned ? Level.DEBUG : Level.WARNING;
      hasWarned = true;
      LOGGER.log(level, "the archive in {0} pauses and tries again: {1}", directory, cause);
    }
    fileFailures++;
    ArchiveFile current = file;
    if (current != null && (current.isTorn() || fileFailures >= FAILURES_OF_ONE_FILE)) {
      closeFile(current);
    }
  }

  /** Tells of the gap in the file, to learn whether writing works again. */
  private void resume() {
    try {
      checkFileIsInPlace();
      ArchiveFile current = openFile();
      lines.clear();
      addGap();
      current.write(lines.array(), lines.size());
      commit(new Encoded(0, 0, 0, null));
    } catch (IOException | RuntimeException | Error e) {
      fail(e);
    }
  }

  private ArchiveFile openFile() throws IOException {
    ArchiveFile current = file;
    if (current != null) {
      return current;
    }
    if (!storage.exists(directory)) {
      storage.createDirectory(directory);
    }
    ClockAnchor anchor = anchors.get();
    ArchiveFile created =
        ArchiveFile.create(
            storage,
            directory,
            ArchiveName.of(prefix, instance, instantOf(anchor), fileNumber + 1));
    fileFirstSequence = gapFrom == 0 ? sequence : gapFrom;
    boolean hasHeader = false;
    try {
      lines.clear();
      lines.addHeader(service, instance, prefix, id, created.number(), fileFirstSequence, anchor);
      created.write(lines.array(), lines.size());
      hasHeader = true;
    } finally {
      if (!hasHeader) {
        created.discard();
      }
    }
    file = created;
    fileNumber = created.number();
    fileOpenedNanos = clock.nanoTime();
    fileEvents = 0;
    fileLost = 0;
    fileFailures = 0;
    return created;
  }

  private void finishFile() {
    ArchiveFile current = file;
    if (current == null) {
      return;
    }
    try {
      long last = (gapFrom == 0 ? sequence : gapFrom) - 1;
      lines.clear();
      lines.addEnd(clock.nanoTime(), id, last, fileEvents, fileLost);
      current.write(lines.array(), lines.size());
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, "a file of the archive stays without an end line", e);
    }
    closeFile(current);
  }

  private void closeFile(ArchiveFile current) {
    file = null;
    closedFiles++;
    try {
      if (fileEvents == 0 && fileLost == 0) {
        current.discard();
      } else {
        current.finish();
        finishedFiles++;
      }
    } catch (IOException e) {
      // Without its lock it counts as an orphan, which housekeeping finishes later.
      LOGGER.log(Level.DEBUG, "a file of the archive could not be finished", e);
    }
  }

  /** A file that was deleted under us would swallow all that is written, without any error. */
  private void checkFileIsInPlace() {
    ArchiveFile current = file;
    if (current == null || current.isInPlace()) {
      return;
    }
    if (!current.isFinishedByOthers()) {
      written -= fileEvents;
      lost += fileEvents;
      gapFrom = fileFirstSequence;
      gapReason = FILE_VANISHED;
      LOGGER.log(Level.WARNING, "a file of the archive in {0} was deleted in use", directory);
    }
    file = null;
    try {
      current.discard();
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, "a deleted file of the archive could not be closed", e);
    }
  }

  /** What came of encoding a part of a batch, which ends before index {@code end}. */
  private record Encoded(int end, int offered, int refused, @Nullable Throwable firstRefusal) {}
}
