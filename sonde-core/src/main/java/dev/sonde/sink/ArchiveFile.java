// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;

/**
 * The file that the archive writes to: {@code .part} until it is finished, and locked, so that
 * other processes know that its writer lives.
 */
final class ArchiveFile {
  private static final int NAMES_TRIED = 10_000;

  private final Storage storage;
  private final Path directory;
  private final ArchiveName name;
  private final Path active;
  private final Storage.Lock lock;
  private final Storage.Output output;
  private long size;
  private boolean isTorn;

  private ArchiveFile(
      Storage storage, Path directory, ArchiveName name, Storage.Lock lock, Storage.Output output) {
    this.storage = storage;
    this.directory = directory;
    this.name = name;
    active = name.in(directory, ArchiveName.ACTIVE);
    this.lock = lock;
    this.output = output;
  }

  /** Creates an empty file of the given name or of the next one that is free. */
  static ArchiveFile create(Storage storage, Path directory, ArchiveName wanted)
      throws IOException {
    ArchiveName name = wanted;
    for (int i = 0; i < NAMES_TRIED; i++) {
      if (isFree(storage, directory, name)) {
        Path lockFile = name.in(directory, ArchiveName.LOCK);
        Storage.Lock lock = storage.createLock(lockFile);
        if (lock != null) {
          return create(storage, directory, name, lock);
        }
      }
      name = name.next();
    }
    throw new FileSystemException(
        wanted.in(directory, ArchiveName.ACTIVE).toString(), null, "no free name");
  }

  private static ArchiveFile create(
      Storage storage, Path directory, ArchiveName name, Storage.Lock lock) throws IOException {
    boolean isCreated = false;
    try {
      Storage.Output output = storage.create(name.in(directory, ArchiveName.ACTIVE));
      isCreated = true;
      return new ArchiveFile(storage, directory, name, lock, output);
    } finally {
      if (!isCreated) {
        release(storage, lock, name.in(directory, ArchiveName.LOCK));
      }
    }
  }

  private static boolean isFree(Storage storage, Path directory, ArchiveName name) {
    return !storage.exists(name.in(directory, ArchiveName.FINISHED))
        && !storage.exists(name.in(directory, ArchiveName.COMPRESSED))
        && !storage.exists(name.in(directory, ArchiveName.ACTIVE));
  }

  long number() {
    return name.number();
  }

  long size() {
    return size;
  }

  /** Whether it ends in a part of a line that could not be cut off, so nothing may follow. */
  boolean isTorn() {
    return isTorn;
  }

  /** Whether nobody has deleted or renamed it. */
  boolean isInPlace() {
    return storage.exists(active);
  }

  /** Whether another process took it for an orphan and finished it. */
  boolean isFinishedByOthers() {
    return storage.exists(name.in(directory, ArchiveName.FINISHED));
  }

  /** Writes whole lines at once; if that fails, none of them is in the file. */
  void write(byte[] bytes, int length) throws IOException {
    boolean isWritten = false;
    try {
      output.write(bytes, length);
      isWritten = true;
      size += length;
    } finally {
      if (!isWritten) {
        rollBack();
      }
    }
  }

  private void rollBack() {
    try {
      output.truncate(size);
      isTorn = false;
    } catch (IOException e) {
      isTorn = true;
    }
  }

  /** Closes it under its final name. */
  void finish() throws IOException {
    if (isTorn) {
      rollBack();
    }
    try {
      output.close();
    } finally {
      try {
        publish(storage, directory, name);
      } finally {
        unlock();
      }
    }
  }

  /** Gives it up: closes and deletes it. */
  void discard() throws IOException {
    try {
      output.close();
    } finally {
      try {
        storage.delete(active);
      } finally {
        unlock();
      }
    }
  }

  /** Renames a file that nobody writes to any more, to its own name or to the next free one. */
  static Path publish(Storage storage, Path directory, ArchiveName own) throws IOException {
    Path active = own.in(directory, ArchiveName.ACTIVE);
    ArchiveName name = own;
    for (int i = 0; i < NAMES_TRIED; i++) {
      Path finished = name.in(directory, ArchiveName.FINISHED);
      try {
        storage.publish(active, finished);
        return finished;
      } catch (FileAlreadyExistsException e) {
        name = name.next();
      }
    }
    throw new FileSystemException(active.toString(), null, "no free name");
  }

  private void unlock() {
    release(storage, lock, name.in(directory, ArchiveName.LOCK));
  }

  /** A lock file that stays behind is found and deleted by a later start. */
  static void release(Storage storage, Storage.Lock lock, Path lockFile) {
    try {
      // Deleted while it is held: nobody can take the name for that of a dead process.
      storage.delete(lockFile);
    } catch (IOException e) {
      // Nothing depends on it.
    }
    try {
      lock.close();
    } catch (IOException e) {
      // The descriptor is gone either way.
    }
  }
}
