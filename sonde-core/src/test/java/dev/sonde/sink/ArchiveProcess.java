// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A process of its own that archives events and says, number by number, which are taken. */
final class ArchiveProcess {
  private ArchiveProcess() {}

  /** Starts one; its standard output is a stream of longs, each after its batch was taken. */
  static Process start(Path directory, long batches, long rotateBytes) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx64m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ArchiveProcess.class.getName(),
            directory.toString(),
            Long.toString(batches),
            Long.toString(rotateBytes))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Arguments: directory, batches to write, size of a file. */
  public static void main(String[] arguments) throws Exception {
    long batches = Long.parseLong(arguments[1]);
    try (DataOutputStream acknowledged =
            new DataOutputStream(new FileOutputStream(FileDescriptor.out));
        JsonlSink sink =
            JsonlSink.builder(Path.of(arguments[0]))
                .instance("same")
                .rotateBytes(Long.parseLong(arguments[2]))
                .build()) {
      for (long batch = 0; batch < batches; batch++) {
        sink.accept(batch(batch));
        acknowledged.writeLong(batch);
        acknowledged.flush();
      }
    }
  }

  static final int BATCH_SIZE = 10;

  private static List<Event> batch(long batch) {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < BATCH_SIZE; i++) {
      long number = batch * BATCH_SIZE + i;
      events.add(new FunctionEvent(number, 1, 2, 3, 4, "f" + number, 1, false, null, 1.0));
    }
    return events;
  }
}
