// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Checks the ring exhaustively at tiny sizes, plays the races of the ring and of a request's end,
 * and proves that both checks find what they are meant to find.
 */
final class RingModelTest {
  private static final String ITERATIONS = "30";
  private static final String INVOCATIONS = "3000";

  private final Path directory;

  RingModelTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @ParameterizedTest(name = "{0}, capacity {1}, segments of {2}")
  @CsvSource({
    "Ring, 1, 1",
    "Ring, 2, 1",
    "Ring, 2, 2",
    "Ring, 3, 2",
    "Solo, 1, 1",
    "Solo, 2, 1",
    "Solo, 2, 2"
  })
  void ring_isABoundedQueue(String model, String capacity, String segmentSize)
      throws IOException, InterruptedException {
    List<String> arguments = List.of(model, capacity, segmentSize, ITERATIONS, INVOCATIONS);

    Outcome outcome = run("", RingModel.class.getName(), arguments);

    assertThat(outcome.exitCode).as(outcome.output).isZero();
  }

  static List<Arguments> mutants() {
    String empty = "segment.rel > 0 || (segment.rel == 0 && segment.claim > 0)";
    return List.of(
        Arguments.of(
            "m1: arrays are used again under a writer",
            "Ring",
            "2",
            "1",
            "if ((long) WORD.getAcquire(longs, i * stride) == 0) {",
            "if (false) {"),
        Arguments.of(
            "m2: a cut segment is not owned",
            "Solo",
            "1",
            "1",
            "OWNER.compareAndSet(segment, FREE, PRODUCER)",
            "segment.owner != PRODUCER"),
        Arguments.of(
            "m3: empty is judged by claims alone", "Solo", "1", "1", empty, "segment.claim > 0"),
        Arguments.of(
            "m4: claims are counted before the segment is closed",
            "Solo",
            "2",
            "2",
            "(long) CLAIM.getAndAdd(newest, CLOSED), segmentSize",
            "newest.claim, segmentSize"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mutants")
  void check_findsMutant(
      String name,
      String model,
      String capacity,
      String segmentSize,
      String original,
      String mutation)
      throws IOException, InterruptedException {
    String classes = compileMutant(original, mutation);

    Outcome outcome =
        run(
            classes + File.pathSeparator,
            RingModel.class.getName(),
            List.of(model, capacity, segmentSize, ITERATIONS, INVOCATIONS));

    assertThat(outcome.exitCode).as(name + "\n" + outcome.output).isNotZero();
    assertThat(outcome.output).containsAnyOf("Invalid execution results", "has hung", "exception");
  }

  @ParameterizedTest
  @ValueSource(strings = {"RingStress", "ExchangeStress"})
  void races_haveOnlyAllowedOutcomes(String test) throws IOException, InterruptedException {
    Outcome outcome = race(test);

    assertThat(outcome.exitCode).as(outcome.output).isZero();
    // The exit code is 0 also if no test could be started.
    assertThat(results(outcome))
        .contains("0 failed, 0 soft errs, 0 hard errs")
        .doesNotContain("planned; 0 passed");
  }

  @Test
  void races_wouldShowTornEvents() throws IOException, InterruptedException {
    Outcome outcome = race("NaiveLapped");

    assertThat(results(outcome))
        .as(outcome.output)
        .contains("0 soft errs, 0 hard errs")
        .doesNotContain(" 0 failed");
  }

  private Outcome race(String test) throws IOException, InterruptedException {
    String report = directory.resolve("report").toString();
    return run("", "org.openjdk.jcstress.Main", List.of("-t", test, "-m", "quick", "-r", report));
  }

  private static String results(Outcome outcome) {
    return outcome.output.substring(outcome.output.lastIndexOf("(Results: "));
  }

  /** Compiles the ring with one change; its classes go before the real ones. */
  private String compileMutant(String original, String mutation) throws IOException {
    Path real = Path.of(System.getProperty("sonde.ring.source"));
    String source = Files.readString(real);
    assertThat(source.split(Pattern.quote(original), -1)).as("places of the mutation").hasSize(2);
    Path mutant = directory.resolve("SegmentRing.java");
    Files.writeString(mutant, source.replace(original, mutation));
    Path classes = Files.createDirectory(directory.resolve("classes"));
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-nowarn",
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                classes.toString(),
                mutant.toString());
    assertThat(result).isZero();
    return classes.toString();
  }

  private Outcome run(String firstClasses, String mainClass, List<String> arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                firstClasses + System.getProperty("java.class.path"),
                mainClass));
    command.addAll(arguments);
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(15, TimeUnit.MINUTES)).as("ended in time").isTrue();
      return new Outcome(process.exitValue(), Files.readString(output));
    } finally {
      process.destroyForcibly();
    }
  }

  private record Outcome(int exitCode, String output) {}
}
