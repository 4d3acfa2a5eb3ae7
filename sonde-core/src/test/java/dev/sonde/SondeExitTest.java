// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.Outcome;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SondeExitTest {
  private static final int REQUESTS = 1_000;

  @Test
  void everythingIsWritten_whenTheProcessIsToldToEnd(@TempDir Path directory)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Application.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (BufferedReader output =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(output.readLine()).isEqualTo("ready");

      process.destroy();

      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    try (Stream<Path> files = Files.list(directory)) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      assertThat(all.get(0).getFileName().toString()).endsWith(".jsonl");
      try (Stream<String> lines = Files.lines(all.get(0))) {
        assertThat(lines.filter(line -> line.contains("\"REQ\""))).hasSize(REQUESTS);
      }
    }
  }

  /** Reports requests and then waits to be ended from outside. */
  static final class Application {
    private Application() {}

    @SuppressWarnings("SystemOut") // how the parent process learns of it
    public static void main(String[] args) throws InterruptedException, IOException {
      Sonde sonde = Sonde.start(SondeConfig.builder().jsonlDir(Path.of(args[0])).build());
      for (int i = 0; i < REQUESTS; i++) {
        sonde.emitter().request("GET", null, "/", 200, Outcome.COMPLETED, i, 0, 0, null);
      }
      System.out.write("ready\n".getBytes(StandardCharsets.UTF_8));
      System.out.flush();
      new CountDownLatch(1).await();
    }
  }
}
