// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.collect.PoisonException;
import dev.sonde.collect.Sink;
import dev.sonde.collect.SinkPausedException;
import dev.sonde.collect.SondeThread;
import dev.sonde.event.Event;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The archive: a directory of files with one JSON object a line.
 *
 * <p>The file in use ends in {@code .jsonl.part}; when it is full or old it becomes {@code
 * prefix-instance-time-number.jsonl}. Nothing is ever overwritten, and several processes may share
 * a directory. Each file begins with a {@code header} line and, if its writer finished it, closes
 * with an {@code end} line; events carry a number {@code seq} without a gap, so that {@link
 * JsonlReader} can tell what is missing.
 *
 * <p>If the disk is full or writing fails otherwise, nothing but whole lines stays in the file, the
 * events are counted as lost, and about once a second the archive tries to go on, with a {@code
 * gap} line that tells which events are missing. A batch is in the operating system's cache when
 * {@link #accept} returns: it survives the death of the process, not that of the machine.
 *
 * <p>Thread-safe.
 */
public final class JsonlSink implements Sink<Event> {
  private static final Logger LOGGER = System.getLogger("dev.sonde.core");

  private static final String WRITE_FAILED = "write_failed";
  private static final String FILE_VANISHED = "file_vanished";
  private static final String NOT_WRITABLE = "not_writable_as_json";

  /**
   * Most bytes that are collected before a write: a batch of huge events must not fill the heap.
   */
  private static final int WRITE_MAX_BYTES = 1 << 20;

  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long CLOSE_MILLIS = 1_500;
  private static final long HOUSEKEEPING_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Failures on one file after which a new one is tried: the descriptor itself may be bad. */
  private static final int FAILURES_OF_ONE_FILE = 2;

  private final Path directory;
  private final String service;
  private final String prefix;
  private final String instance;
  private final long rotateBytes;
  private final long rotateNanos;
  private final MonotonicClock clock;
  private final Supplier<ClockAnchor> anchors;
  private final Storage storage;
  private final Housekeeping housekeeping;
  private final String run;
  private final @Nullable SondeThread timer;

  private final ReentrantLock lock = new ReentrantLock();
  private final EventJsonWriter json;
  private final Lines lines = new Lines();

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
  private boolean isHousekeepingDue = true;
  private long housekeepingNanos;
  private volatile boolean isClosed;

  private long written;
  private long poisoned;
  private long lost;
  private long bytes;
  private long finishedFiles;

  private JsonlSink(Builder builder) {
    service = builder.service;
    prefix = builder.prefix;
    instance = builder.instance == null ? randomHex(4) : builder.instance;
    rotateBytes = builder.rotateBytes;
    rotateNanos = builder.rotateInterval.toNanos();
    clock = builder.clock;
    anchors = builder.anchors == null ? () -> ClockAnchor.take(clock) : builder.anchors;
    storage = builder.storage;
    run = randomHex(8);
    json = new EventJsonWriter(new ClockAnchor(0, 0));
    directory = usable(builder.directory);
    housekeeping =
        new Housekeeping(
            storage,
            directory,
            prefix,
            builder.compress,
            builder.filesMax,
            builder.ageMax,
            builder.totalBytesMax,
            () -> instantOf(anchors.get()));
    keepHouse();
    timer = builder.hasTimer ? new SondeThread("sonde-archive", this::keepTime) : null;
    if (timer != null) {
      timer.start();
    }
  }

  /**
   * Begins an archive in a directory, which is created if missing.
   *
   * @param directory where the files go
   */
  public static Builder builder(Path directory) {
    return new Builder(directory);
  }

  /**
   * Writes a batch, in one write unless it is huge or fills the file.
   *
   * @throws PoisonException if single events cannot be written as JSON; the others were
   * @throws SinkPausedException if the disk did not take the batch or its end
   */
  @Override
  public void accept(List<Event> batch) throws PoisonException, SinkPausedException {
    lock.lock();
    try {
      if (isClosed) {
        throw new IllegalStateException("the archive is closed");
      }
      if (isPaused && clock.nanoTime() - retryNanos < 0) {
        lose(batch.size());
        throw new SinkPausedException(batch.size(), null);
      }
      write(batch);
    } finally {
      lock.unlock();
    }
  }

  /** What has become of the events and files so far. */
  public Counts counts() {
    lock.lock();
    try {
      return new Counts(
          written,
          poisoned,
          lost,
          bytes,
          finishedFiles,
          housekeeping.recovered(),
          housekeeping.deleted(),
          isPaused);
    } finally {
      lock.unlock();
    }
  }

  /** Where the files are. */
  public Path directory() {
    return directory;
  }

  /** Finishes the file in use; later calls do nothing. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (isClosed) {
        return;
      }
      isClosed = true;
      if (gapFrom != 0) {
        resume();
      }
      finishFile();
    } finally {
      lock.unlock();
    }
    if (timer == null) {
      keepHouse();
    } else {
      LockSupport.unpark(timer);
      awaitTimer(timer);
    }
  }

  /** What the timer does about twice a second. */
  void tick() {
    boolean isDue;
    lock.lock();
    try {
      if (!isClosed) {
        checkFileIsInPlace();
        if (file != null && clock.nanoTime() - fileOpenedNanos >= rotateNanos) {
          finishFile();
        }
        if (gapFrom != 0 && clock.nanoTime() - retryNanos >= 0) {
          resume();
        }
      }
      isDue = isHousekeepingDue || clock.nanoTime() - housekeepingNanos >= 0;
      isHousekeepingDue = false;
    } finally {
      lock.unlock();
    }
    if (isDue) {
      keepHouse();
    }
  }

  private Path usable(Path wanted) {
    try {
      storage.createDirectory(wanted);
      Path real = wanted.toRealPath();
      ArchiveName name = ArchiveName.of(prefix, instance, instantOf(anchors.get()), 0);
      ArchiveFile.create(storage, real, name).discard();
      return real;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "the archive's directory must be writable, was \"" + wanted + "\": " + e, e);
    }
  }

  private void write(List<Event> batch) throws PoisonException, SinkPausedException {
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

  /** Puts the gap that is to be told of and as many events as fit into the lines. */
  private Encoded encode(List<Event> batch, int start, long room) throws IOException {
    lines.reset();
    putGap();
    int refused = 0;
    Throwable firstRefusal = null;
    long number = sequence;
    int i = start;
    do {
      int begin = lines.size();
      try {
        json.write(batch.get(i), number, lines);
      } catch (RuntimeException | StackOverflowError e) {
        lines.cut(begin);
        putGap(number, number, NOT_WRITABLE);
        refused++;
        firstRefusal = firstRefusal == null ? e : firstRefusal;
      }
      number++;
      i++;
    } while (i < batch.size() && lines.size() < Math.min(room, WRITE_MAX_BYTES));
    return new Encoded(i, i - start, refused, firstRefusal);
  }

  private void putGap() throws IOException {
    if (gapFrom != 0) {
      putGap(gapFrom, sequence - 1, gapReason);
    }
  }

  private void putGap(long from, long to, String reason) throws IOException {
    json.writeMark(
        "gap",
        clock.nanoTime(),
        lines,
        "from_seq",
        from,
        "to_seq",
        to,
        "lost",
        to - from + 1,
        "reason",
        reason);
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
      lines.reset();
      putGap();
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
    json.anchor(anchor);
    ArchiveFile created =
        ArchiveFile.create(
            storage,
            directory,
            ArchiveName.of(prefix, instance, instantOf(anchor), fileNumber + 1));
    fileFirstSequence = gapFrom == 0 ? sequence : gapFrom;
    boolean hasHeader = false;
    try {
      putHeader(created.number(), anchor);
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

  private void putHeader(long number, ClockAnchor anchor) throws IOException {
    lines.reset();
    json.writeMark(
        "header",
        anchor.monotonicNanos(),
        lines,
        "service",
        service,
        "instance",
        instance,
        "prefix",
        prefix,
        "run",
        run,
        "file",
        number,
        "first_seq",
        fileFirstSequence,
        "anchor_epoch_ns",
        anchor.epochNanos(),
        "anchor_mono_ns",
        anchor.monotonicNanos());
  }

  private void finishFile() {
    ArchiveFile current = file;
    if (current == null) {
      return;
    }
    try {
      lines.reset();
      json.writeMark(
          "end",
          clock.nanoTime(),
          lines,
          "run",
          run,
          "last_seq",
          (gapFrom == 0 ? sequence : gapFrom) - 1,
          "events",
          fileEvents,
          "lost",
          fileLost);
      current.write(lines.array(), lines.size());
    } catch (IOException e) {
      LOGGER.log(Level.DEBUG, "a file of the archive stays without an end line", e);
    }
    closeFile(current);
  }

  private void closeFile(ArchiveFile current) {
    file = null;
    isHousekeepingDue = true;
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

  private void keepTime() {
    while (!isClosed) {
      LockSupport.parkNanos(this, TICK_NANOS);
      try {
        tick();
      } catch (RuntimeException | Error e) {
        // Rotation and recovery hang on this thread; it outlives whatever one round meets.
        LOGGER.log(Level.DEBUG, "a round of the archive's timer failed", e);
      }
    }
    keepHouse();
  }

  private void keepHouse() {
    housekeepingNanos = clock.nanoTime() + HOUSEKEEPING_NANOS;
    try {
      housekeeping.run();
    } catch (IOException | UncheckedIOException e) {
      LOGGER.log(Level.DEBUG, "the archive could not be tidied up", e);
    }
  }

  private static void awaitTimer(SondeThread timer) {
    try {
      timer.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Instant instantOf(ClockAnchor anchor) {
    return Instant.ofEpochSecond(0, anchor.epochNanos());
  }

  private static String randomHex(int length) {
    byte[] random = new byte[length];
    new SecureRandom().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /**
   * One consistent reading of all counts.
   *
   * @param written events in files
   * @param poisoned events that could not be written as JSON
   * @param lost events that the disk did not take, or that were in a file which was deleted in use
   * @param bytes bytes of events in files, as written
   * @param finishedFiles files that were finished
   * @param recoveredFiles files of dead processes that were finished
   * @param deletedFiles files that were deleted because of a limit
   * @param isPaused whether it waits for the disk to take more
   */
  public record Counts(
      long written,
      long poisoned,
      long lost,
      long bytes,
      long finishedFiles,
      long recoveredFiles,
      long deletedFiles,
      boolean isPaused) {}

  /** What came of encoding a part of a batch, which ends before index {@code end}. */
  private record Encoded(int end, int offered, int refused, @Nullable Throwable firstRefusal) {}

  /** Lines that are about to be written. */
  private static final class Lines extends ByteArrayOutputStream {
    private static final int RETAINED_BYTES = 1 << 18;

    Lines() {
      super(1 << 14);
    }

    byte[] array() {
      return buf;
    }

    void cut(int size) {
      count = size;
    }

    @Override
    public synchronized void reset() {
      super.reset();
      if (buf.length > RETAINED_BYTES) {
        buf = new byte[1 << 14];
      }
    }
  }

  /** Collects settings; all but the directory have a default. */
  public static final class Builder {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");

    private final Path directory;
    private String service = "sonde";
    private String prefix = "sonde";
    private @Nullable String instance;
    private long rotateBytes = 10_000_000;
    private Duration rotateInterval = Duration.ofMinutes(5);
    private @Nullable Integer filesMax;
    private @Nullable Duration ageMax;
    private @Nullable Long totalBytesMax;
    private boolean compress;
    private MonotonicClock clock = MonotonicClock.system();
    private @Nullable Supplier<ClockAnchor> anchors;
    private Storage storage = new Storage();
    private boolean hasTimer = true;

    private Builder(Path directory) {
      this.directory = directory;
    }

    /** Name of the service in the header lines. Default {@code sonde}. */
    public Builder service(String service) {
      this.service = Objects.requireNonNull(service, "service");
      return this;
    }

    /** First part of the files' names. Default {@code sonde}; 1 to 64 of {@code A-Za-z0-9_-}. */
    public Builder prefix(String prefix) {
      this.prefix = name("prefix", prefix);
      return this;
    }

    /** Second part of the names. Default 8 random hex digits; 1 to 64 of {@code A-Za-z0-9_-}. */
    public Builder instance(String instance) {
      this.instance = name("instance", instance);
      return this;
    }

    /** Size in bytes at which a file is finished. Default 10,000,000; 1024 or more. */
    public Builder rotateBytes(long rotateBytes) {
      this.rotateBytes = atLeast("rotateBytes", 1024, rotateBytes);
      return this;
    }

    /** Age at which a file is finished, even if nothing more comes. Default 5 min. */
    public Builder rotateInterval(Duration rotateInterval) {
      this.rotateInterval = positive("rotateInterval", rotateInterval);
      return this;
    }

    /** Finished files of this prefix that are kept. Default all; 1 or more. */
    public Builder filesMax(int filesMax) {
      this.filesMax = (int) atLeast("filesMax", 1, filesMax);
      return this;
    }

    /** Age at which finished files are deleted. Default never. */
    public Builder ageMax(Duration ageMax) {
      this.ageMax = positive("ageMax", ageMax);
      return this;
    }

    /** Bytes of finished files of this prefix that are kept. Default all; 1024 or more. */
    public Builder totalBytesMax(long totalBytesMax) {
      this.totalBytesMax = atLeast("totalBytesMax", 1024, totalBytesMax);
      return this;
    }

    /** Whether finished files are gzipped. Default false. */
    public Builder compress(boolean compress) {
      this.compress = compress;
      return this;
    }

    /** The clock of the events' time stamps. Default that of the JVM. */
    public Builder clock(MonotonicClock clock) {
      this.clock = Objects.requireNonNull(clock, "clock");
      return this;
    }

    Builder anchors(Supplier<ClockAnchor> anchors) {
      this.anchors = anchors;
      return this;
    }

    Builder storage(Storage storage) {
      this.storage = storage;
      return this;
    }

    /** Tests call {@link JsonlSink#tick()} themselves. */
    Builder withoutTimer() {
      hasTimer = false;
      return this;
    }

    /**
     * Finishes what dead processes left in the directory, and is ready to write.
     *
     * @throws IllegalArgumentException if no file can be created in the directory
     */
    public JsonlSink build() {
      return new JsonlSink(this);
    }

    private static String name(String setting, String value) {
      if (!NAME.matcher(value).matches()) {
        throw new IllegalArgumentException(
            setting + " must be 1 to 64 of A-Z a-z 0-9 _ -, was \"" + value + "\"");
      }
      return value;
    }

    private static long atLeast(String setting, long limit, long value) {
      if (value < limit) {
        throw new IllegalArgumentException(setting + " must be >= " + limit + ", was " + value);
      }
      return value;
    }

    private static Duration positive(String setting, Duration value) {
      if (value.isNegative() || value.isZero()) {
        throw new IllegalArgumentException(setting + " must be above 0, was " + value);
      }
      return value;
    }
  }
}
