// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What a process has used since its start.
 *
 * @param cpuNanos processor time of all of its threads, in nanoseconds
 * @param compilerNanos the part of it that the living threads of the compiler took
 * @param sondeNanos the part of it that Sonde's own living threads took
 * @param bytes allocated by the Java threads that live
 * @param sondeBytes the part of them that Sonde's own threads allocated
 */
record Usage(long cpuNanos, long compilerNanos, long sondeNanos, long bytes, long sondeBytes) {
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final String SONDE_THREADS = "sonde-";

  /** What this process has used. */
  static Usage now() throws IOException {
    long compilerNanos = 0;
    long sondeNanos = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        try {
          String name = Files.readString(task.resolve("comm"));
          if (name.matches("(?s)C[12] Compiler.*")) {
            compilerNanos += nanos(task);
          } else if (name.startsWith(SONDE_THREADS)) {
            sondeNanos += nanos(task);
          }
        } catch (IOException e) {
          if (Files.exists(task)) {
            throw e;
          }
          // The thread has ended since it was listed.
        }
      }
    }
    long[] ids = THREADS.getAllThreadIds();
    @Nullable ThreadInfo[] threads = THREADS.getThreadInfo(ids);
    long[] allocated = THREADS.getThreadAllocatedBytes(ids);
    long bytes = 0;
    long sondeBytes = 0;
    for (int i = 0; i < ids.length; i++) {
      ThreadInfo thread = threads[i];
      if (thread != null && allocated[i] > 0) {
        bytes += allocated[i];
        sondeBytes += thread.getThreadName().startsWith(SONDE_THREADS) ? allocated[i] : 0;
      }
    }
    return new Usage(PROCESS.getProcessCpuTime(), compilerNanos, sondeNanos, bytes, sondeBytes);
  }

  private static long nanos(Path task) throws IOException {
    return Long.parseLong(Files.readString(task.resolve("schedstat")).split(" ", -1)[0]);
  }

  /** What was used from {@code before} on. */
  Usage since(Usage before) {
    // A thread may have ended between the two, and taken with it what it had used.
    return new Usage(
        cpuNanos - before.cpuNanos,
        Math.max(0, compilerNanos - before.compilerNanos),
        Math.max(0, sondeNanos - before.sondeNanos),
        bytes - before.bytes,
        Math.max(0, sondeBytes - before.sondeBytes));
  }

  /** Processor time of the threads that are neither the compiler's nor Sonde's. */
  long serverNanos() {
    return cpuNanos - compilerNanos - sondeNanos;
  }

  /** Bytes that the threads allocated that are not Sonde's. */
  long serverBytes() {
    return bytes - sondeBytes;
  }

  /** As one line, for {@link #parse}. */
  String line() {
    return LongStream.of(cpuNanos, compilerNanos, sondeNanos, bytes, sondeBytes)
        .mapToObj(Long::toString)
        .collect(Collectors.joining(" "));
  }

  /** Reads a line. */
  static Usage parse(String line) {
    long[] numbers = Arrays.stream(line.split(" ", -1)).mapToLong(Long::parseLong).toArray();
    return new Usage(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
  }
}
