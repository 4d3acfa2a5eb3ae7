// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.collect.PoisonException;
import dev.sonde.collect.Sink;
import dev.sonde.collect.SinkPausedException;
import dev.sonde.collect.SondeThread;
import dev.sonde.event.Event;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
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

  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long CLOSE_MILLIS = 1_500;
  private static final long HOUSEKEEPING_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Path directory;
  private final MonotonicClock clock;
  private final Housekeeping housekeeping;
  private final @Nullable SondeThread timer;

  private final ReentrantLock lock = new ReentrantLock();
  private final ArchiveRun run;
  private long tidiedFiles;
  private long housekeepingNanos;
  private volatile boolean isClosed;

  private JsonlSink(Builder builder) {
    String instance = builder.instance == null ? randomHex(4) : builder.instance;
    clock = builder.clock;
    Supplier<ClockAnchor> anchors =
        builder.anchors == null ? () -> ClockAnchor.take(clock) : builder.anchors;
    ArchiveName probe =
        ArchiveName.of(builder.prefix, instance, ArchiveRun.instantOf(anchors.get()), 0);
    directory = usable(builder.storage, builder.directory, probe);
    run =
        new ArchiveRun(
            randomHex(8),
            directory,
            builder.service,
            builder.prefix,
            instance,
            builder.rotateBytes,
            builder.rotateInterval.toNanos(),
            clock,
            anchors,
            builder.storage);
    housekeeping =
        new Housekeeping(
            builder.storage,
            directory,
            builder.prefix,
            builder.compress,
            builder.filesMax,
            builder.ageMax,
            builder.totalBytesMax,
            () -> ArchiveRun.instantOf(anchors.get()));
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
      run.write(batch);
    } finally {
      lock.unlock();
    }
  }

  /** What has become of the events and files so far. */
  public Counts counts() {
    lock.lock();
    try {
      return run.counts(housekeeping.recovered(), housekeeping.deleted());
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
      run.close();
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
        run.tick();
      }
      isDue = run.closedFiles() > tidiedFiles || clock.nanoTime() - housekeepingNanos >= 0;
      tidiedFiles = run.closedFiles();
    } finally {
      lock.unlock();
    }
    if (isDue) {
      keepHouse();
    }
  }

  private static Path usable(Storage storage, Path wanted, ArchiveName probe) {
    try {
      storage.createDirectory(wanted);
      Path real = wanted.toRealPath();
      ArchiveFile.create(storage, real, probe).discard();
      return real;
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "the archive's directory must be writable, was \"" + wanted + "\": " + e, e);
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
