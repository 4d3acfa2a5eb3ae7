// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Every operation of the archive on the file system; tests make single ones fail.
 *
 * <p>Files are created with mode 0600 and directories with 0700, nothing is ever overwritten, and
 * symbolic links are not followed.
 */
class Storage {
  /*
   * A lock of the operating system belongs to the process, and closing any other descriptor of the
   * same file drops it. So a lock file that this process holds must not be opened again.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  void createDirectory(Path directory) throws IOException {
    Files.createDirectories(directory, mode(directory, "rwx------"));
  }

  /** Creates a file that does not exist yet. */
  Output create(Path file) throws IOException {
    Files.createFile(file, mode(file, "rw-------"));
    return new Output(file);
  }

  /** Renames a file, unless the new name exists: then {@link FileAlreadyExistsException}. */
  void publish(Path from, Path to) throws IOException {
    try {
      // A rename would replace a file of that name; a link does not, and is as atomic.
      Files.createLink(to, from);
      Files.delete(from);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isSameFile(from, to)) {
        throw e;
      }
      // A process died between the two steps.
      Files.delete(from);
    } catch (UnsupportedOperationException | FileSystemException e) {
      if (!Files.exists(from, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
      // No links here, as on FAT: an empty file reserves the name, and is replaced.
      Files.createFile(to, mode(to, "rw-------"));
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
  }

  boolean exists(Path file) {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** The regular files of a directory. */
  List<Path> list(Path directory) throws IOException {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> entries = Files.list(directory)) {
      entries
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .forEach(files::add);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    return files;
  }

  /** Creates and holds a lock file; null if another process was quicker. */
  @Nullable Lock createLock(Path file) throws IOException {
    if (!HELD.add(file)) {
      return null;
    }
    return holdOrForget(file, StandardOpenOption.CREATE_NEW);
  }

  /** Holds a lock file, which is created if missing; null if a living process holds it. */
  @Nullable Lock tryLock(Path file) throws IOException {
    if (!HELD.add(file)) {
      return null;
    }
    return holdOrForget(file, StandardOpenOption.CREATE);
  }

  private static @Nullable Lock holdOrForget(Path file, StandardOpenOption creation)
      throws IOException {
    Lock lock = null;
    try {
      lock = hold(file, creation);
    } catch (FileAlreadyExistsException e) {
      return null;
    } finally {
      if (lock == null) {
        HELD.remove(file);
      }
    }
    return lock;
  }

  private static @Nullable Lock hold(Path file, StandardOpenOption creation) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file,
            Set.of(creation, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
            mode(file, "rw-------"));
    boolean isHeld = false;
    try {
      // The channel is never read or written, so an interrupt has nothing to close it in.
      FileLock lock = channel.tryLock();
      isHeld = lock != null;
    } catch (OverlappingFileLockException e) {
      // Held by a copy of this class in another class loader.
    } finally {
      if (!isHeld) {
        channel.close();
      }
    }
    return isHeld ? new Lock(file, channel) : null;
  }

  private static FileAttribute<?>[] mode(Path path, String permissions) {
    if (!path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      return new FileAttribute<?>[0];
    }
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
    };
  }

  /** A held lock file. */
  static final class Lock implements Closeable {
    private final Path file;
    private final FileChannel channel;

    private Lock(Path file, FileChannel channel) {
      this.file = file;
      this.channel = channel;
    }

    @Override
    public void close() throws IOException {
      try {
        channel.close();
      } finally {
        HELD.remove(file);
      }
    }
  }

  /**
   * An open file that is written at its end.
   *
   * <p>Not a {@link FileChannel}, which an interrupt of the writing thread would close for good.
   */
  static class Output implements Closeable {
    private final RandomAccessFile file;

    Output(Path file) throws IOException {
      this.file = new RandomAccessFile(file.toFile(), "rw");
    }

    void write(byte[] bytes, int length) throws IOException {
      file.write(bytes, 0, length);
    }

    /** Cuts the file; what is written next follows there. */
    void truncate(long size) throws IOException {
      file.setLength(size);
      file.seek(size);
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
