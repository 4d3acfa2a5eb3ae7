// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The real file system, of whose operations the k-th, or all from the k-th on, fail. */
final class FaultStorage extends Storage {
  private long operations;
  private long failFrom = Long.MAX_VALUE;
  private long failUntil = Long.MAX_VALUE;
  private boolean isFull;

  /** The k-th operation from now on fails, and with {@code count} - 1 more after it. */
  synchronized void failOnce(long k, long count) {
    failFrom = operations + k;
    failUntil = failFrom + count;
  }

  /** Whether the disk is full: what needs space fails, what frees some does not. */
  synchronized void fill(boolean isFull) {
    this.isFull = isFull;
  }

  synchronized long operations() {
    return operations;
  }

  /** Whether the operation that was to fail has been reached. */
  synchronized boolean hasFailed() {
    return operations >= failFrom;
  }

  private synchronized void operate(String what) throws IOException {
    operations++;
    boolean needsSpace = what.startsWith("create") || what.equals("write");
    if ((isFull && needsSpace) || (operations >= failFrom && operations < failUntil)) {
      throw new IOException("injected failure of " + what);
    }
  }

  @Override
  void createDirectory(Path directory) throws IOException {
    operate("createDirectory");
    super.createDirectory(directory);
  }

  @Override
  Output create(Path file) throws IOException {
    operate("create");
    Output output = super.create(file);
    output.close();
    return new FaultOutput(file);
  }

  @Override
  void publish(Path from, Path to) throws IOException {
    operate("publish");
    super.publish(from, to);
  }

  @Override
  void delete(Path file) throws IOException {
    operate("delete");
    super.delete(file);
  }

  @Override
  List<Path> list(Path directory) throws IOException {
    operate("list");
    return super.list(directory);
  }

  @Override
  @Nullable Lock createLock(Path file) throws IOException {
    operate("createLock");
    return super.createLock(file);
  }

  @Override
  @Nullable Lock tryLock(Path file) throws IOException {
    operate("tryLock");
    return super.tryLock(file);
  }

  /** A write that fails leaves half of its bytes behind, as a full disk does. */
  private final class FaultOutput extends Output {
    FaultOutput(Path file) throws IOException {
      super(file);
    }

    @Override
    void write(byte[] bytes, int length) throws IOException {
      try {
        operate("write");
      } catch (IOException e) {
        super.write(bytes, length / 2);
        throw e;
      }
      super.write(bytes, length);
    }

    @Override
    void truncate(long size) throws IOException {
      operate("truncate");
      super.truncate(size);
    }

    @Override
    public void close() throws IOException {
      super.close();
      operate("close");
    }
  }
}
