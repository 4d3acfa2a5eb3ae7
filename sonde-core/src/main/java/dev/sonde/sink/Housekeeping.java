// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the directory of an archive in order: finishes what dead processes left, compresses, and
 * deletes what is too much.
 *
 * <p>Several processes may do so in one directory. Not thread-safe within one.
 */
final class Housekeeping {
  /** A process creates a lock file and takes its lock at once; older ones without it are litter. */
  private static final Duration LITTER_AGE = Duration.ofMinutes(1);

  /** Compressing one file takes seconds; what is older was left by a dead process. */
  private static final Duration STALE_COMPRESSION_AGE = Duration.ofMinutes(10);

  private final Storage storage;
  private final Path directory;
  private final String prefix;
  private final boolean compress;
  private final @Nullable Integer filesMax;
  private final @Nullable Duration ageMax;
  private final @Nullable Long totalBytesMax;
  private final InstantSource wallClock;

  /** The prefix in the header of each finished file that could be read. */
  private final Map<Path, String> prefixes = new HashMap<>();

  private final AtomicLong recovered = new AtomicLong();
  private final AtomicLong deleted = new AtomicLong();

  Housekeeping(
      Storage storage,
      Path directory,
      String prefix,
      boolean compress,
      @Nullable Integer filesMax,
      @Nullable Duration ageMax,
      @Nullable Long totalBytesMax,
      InstantSource wallClock) {
    this.storage = storage;
    this.directory = directory;
    this.prefix = prefix;
    this.compress = compress;
    this.filesMax = filesMax;
    this.ageMax = ageMax;
    this.totalBytesMax = totalBytesMax;
    this.wallClock = wallClock;
  }

  /** Files of dead processes that were finished. */
  long recovered() {
    return recovered.get();
  }

  /** Files that were deleted because of a limit. */
  long deleted() {
    return deleted.get();
  }

  /** Does all that is due; what fails for one file is tried again the next time. */
  void run() throws IOException {
    IOException first = null;
    List<Path> files = storage.list(directory);
    prefixes.keySet().retainAll(Set.copyOf(files));
    for (Path file : files) {
      try {
        tidy(file);
      } catch (NoSuchFileException e) {
        // Another process was quicker.
      } catch (IOException e) {
        first = first == null ? e : first;
      }
    }
    deleteSurplus();
    if (first != null) {
      throw first;
    }
  }

  private void tidy(Path file) throws IOException {
    if (!file.getFileName().toString().startsWith(prefix + "-")) {
      return;
    }
    ArchiveName active = ArchiveName.parse(file, ArchiveName.ACTIVE);
    if (active != null) {
      finishOrphan(active);
    }
    ArchiveName lock = ArchiveName.parse(file, ArchiveName.LOCK);
    if (lock != null && isOlderThan(file, LITTER_AGE)) {
      deleteLitter(lock);
    }
    if (ArchiveName.parse(file, ArchiveName.COMPRESSING) != null
        && isOlderThan(file, STALE_COMPRESSION_AGE)) {
      storage.delete(file);
    }
    ArchiveName finished = ArchiveName.parse(file, ArchiveName.FINISHED);
    if (compress && finished != null && belongs(file)) {
      compress(finished);
    }
  }

  private void finishOrphan(ArchiveName name) throws IOException {
    Path lockFile = name.in(directory, ArchiveName.LOCK);
    Storage.Lock lock = storage.tryLock(lockFile);
    if (lock == null) {
      return;
    }
    try {
      Path orphan = name.in(directory, ArchiveName.ACTIVE);
      if (!storage.exists(orphan)) {
        return;
      }
      if (cutTornLine(orphan) == 0) {
        storage.delete(orphan);
      } else {
        ArchiveFile.publish(storage, directory, name);
        recovered.incrementAndGet();
      }
    } finally {
      ArchiveFile.release(storage, lock, lockFile);
    }
  }

  /** Cuts a file behind its last line feed; the size that is left. */
  private static long cutTornLine(Path file) throws IOException {
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      byte[] block = new byte[8192];
      long end = access.length();
      while (end > 0) {
        int length = (int) Math.min(block.length, end);
        access.seek(end - length);
        access.readFully(block, 0, length);
        for (int i = length - 1; i >= 0; i--) {
          if (block[i] == '\n') {
            long size = end - length + i + 1;
            if (size < access.length()) {
              access.setLength(size);
            }
            return size;
          }
        }
        end -= length;
      }
      return 0;
    }
  }

  private void deleteLitter(ArchiveName name) throws IOException {
    if (storage.exists(name.in(directory, ArchiveName.ACTIVE))) {
      return;
    }
    Path lockFile = name.in(directory, ArchiveName.LOCK);
    Storage.Lock lock = storage.tryLock(lockFile);
    if (lock != null) {
      ArchiveFile.release(storage, lock, lockFile);
    }
  }

  private void compress(ArchiveName name) throws IOException {
    Path plain = name.in(directory, ArchiveName.FINISHED);
    Path target = name.in(directory, ArchiveName.COMPRESSED);
    if (!storage.exists(target)) {
      Path unfinished = name.in(directory, ArchiveName.COMPRESSING);
      if (storage.exists(unfinished)) {
        return;
      }
      boolean isWhole = false;
      try (Storage.Output output = storage.create(unfinished);
          InputStream in = Files.newInputStream(plain);
          OutputStream out =
              new GZIPOutputStream(
                  new BufferedOutputStream(new OutputTo(output), 1 << 16), 1 << 13)) {
        in.transferTo(out);
        out.close();
        isWhole = true;
      } finally {
        if (!isWhole) {
          storage.delete(unfinished);
        }
      }
      Files.setLastModifiedTime(unfinished, Files.getLastModifiedTime(plain));
      storage.publish(unfinished, target);
    }
    storage.delete(plain);
  }

  private void deleteSurplus() throws IOException {
    if (filesMax == null && ageMax == null && totalBytesMax == null) {
      return;
    }
    List<Finished> finished = finished();
    long count = finished.size();
    long bytes = finished.stream().mapToLong(Finished::size).sum();
    Instant now = wallClock.instant();
    IOException first = null;
    for (Finished file : finished) {
      boolean isSurplus =
          (filesMax != null && count > filesMax)
              || (totalBytesMax != null && bytes > totalBytesMax)
              || (ageMax != null && file.modified().toInstant().isBefore(now.minus(ageMax)));
      if (isSurplus) {
        try {
          storage.delete(file.path());
          deleted.incrementAndGet();
          count--;
          bytes -= file.size();
        } catch (IOException e) {
          // One file that stays must not keep the younger ones from making room.
          first = first == null ? e : first;
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  /** The finished files of this prefix, oldest first. */
  private List<Finished> finished() throws IOException {
    List<Finished> finished = new ArrayList<>();
    for (Path file : storage.list(directory)) {
      ArchiveName name = ArchiveName.parse(file, ArchiveName.FINISHED);
      if (name == null) {
        name = ArchiveName.parse(file, ArchiveName.COMPRESSED);
      }
      try {
        if (name != null && belongs(file)) {
          finished.add(new Finished(file, name, Files.size(file), Files.getLastModifiedTime(file)));
        }
      } catch (NoSuchFileException e) {
        // Another process was quicker.
      }
    }
    finished.sort(Comparator.comparing(Finished::name, ArchiveName.BY_AGE));
    return finished;
  }

  /** Whether a finished file is of this prefix, which its name alone cannot tell. */
  private boolean belongs(Path file) {
    return file.getFileName().toString().startsWith(prefix + "-")
        && prefix.equals(prefixes.computeIfAbsent(file, Housekeeping::prefixOf));
  }

  /** Null, which is not kept, if the file cannot be read now. */
  private static @Nullable String prefixOf(Path file) {
    JsonlReader.Header header = JsonlReader.headerOf(file);
    return header == null ? null : header.prefix();
  }

  private boolean isOlderThan(Path file, Duration age) throws IOException {
    return Files.getLastModifiedTime(file).toInstant().isBefore(wallClock.instant().minus(age));
  }

  private record Finished(Path path, ArchiveName name, long size, FileTime modified) {}

  /** A stream into an output that somebody else closes. */
  private static final class OutputTo extends OutputStream {
    private final Storage.Output output;

    OutputTo(Storage.Output output) {
      this.output = output;
    }

    @Override
    public void write(int b) throws IOException {
      output.write(new byte[] {(byte) b}, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      output.write(
          offset == 0 ? bytes : Arrays.copyOfRange(bytes, offset, offset + length), length);
    }
  }
}
