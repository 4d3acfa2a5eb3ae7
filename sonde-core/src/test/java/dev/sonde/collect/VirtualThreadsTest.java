// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The hand-over under 10,000 virtual threads, in a process on a JDK that has them. */
final class VirtualThreadsTest {
  @Test
  void enqueue_neitherPinsNorGrowsNorLosesUnderTenThousandVirtualThreads()
      throws IOException, InterruptedException {
    Path java = java();
    Process process =
        new ProcessBuilder(
                java.toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                VirtualThreadsProcess.class.getName())
            .redirectErrorStream(true)
            .start();

    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output).contains("10000 virtual threads");
  }

  /** That of this process, or a newer one beside it. */
  private static Path java() throws IOException {
    Path own = Path.of(System.getProperty("java.home"));
    List<Path> homes;
    try (Stream<Path> beside = Files.list(own.resolveSibling(""))) {
      homes =
          Stream.concat(Stream.of(own), beside.sorted()).filter(VirtualThreadsTest::has).toList();
    }
    assumeTrue(
        !homes.isEmpty(), "no JDK of 21 or newer in " + own.getParent() + ": no virtual threads");
    return homes.get(0).resolve("bin").resolve("java");
  }

  private static boolean has(Path home) {
    Path release = home.resolve("release");
    if (!Files.isRegularFile(release) || !Files.isExecutable(home.resolve("bin/java"))) {
      return false;
    }
    Properties properties = new Properties();
    try (var reader = Files.newBufferedReader(release)) {
      properties.load(reader);
    } catch (IOException e) {
      return false;
    }
    String version = properties.getProperty("JAVA_VERSION", "0").replace("\"", "");
    return Runtime.Version.parse(version).feature() >= 21;
  }
}
