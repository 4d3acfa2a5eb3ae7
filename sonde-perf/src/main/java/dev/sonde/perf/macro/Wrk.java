// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What wrk saw of one load.
 *
 * @param requests answers received
 * @param seconds how long it loaded
 * @param p50Micros median latency in microseconds
 * @param p99Micros 99th percentile of the latency in microseconds
 */
record Wrk(long requests, double seconds, double p50Micros, double p99Micros) {
  static final int CONNECTIONS = 32;

  private static final long PATIENCE_SECONDS = 30;
  private static final Pattern TOTAL =
      Pattern.compile("(\\d+) requests in ([\\d.]+)(us|ms|s|m)\\b");
  private static final String TIME = "%\\s+([\\d.]+)(us|ms|s|m)\\b";

  /** Loads {@code url} for so long, on the processor that this process runs on. */
  static Wrk load(String url, int seconds) throws IOException, InterruptedException {
    List<String> command =
        List.of("wrk", "-t1", "-c" + CONNECTIONS, "-d" + seconds + "s", "--latency", url);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException("wrk failed: " + output);
      }
      return parse(output);
    } finally {
      process.destroyForcibly();
    }
  }

  /**
   * Reads wrk's report.
   *
   * @throws IOException if a figure is missing, or if any request failed
   */
  static Wrk parse(String output) throws IOException {
    if (output.contains("Non-2xx") || output.contains("Socket errors")) {
      throw new IOException("requests failed: " + output);
    }
    Matcher total = find(TOTAL, output);
    return new Wrk(
        Long.parseLong(total.group(1)),
        micros(total.group(2), total.group(3)) / 1e6,
        percentile(50, output),
        percentile(99, output));
  }

  private static double percentile(int percent, String output) throws IOException {
    Matcher found = find(Pattern.compile("\\s" + percent + TIME), output);
    return micros(found.group(1), found.group(2));
  }

  private static Matcher find(Pattern pattern, String output) throws IOException {
    Matcher matcher = pattern.matcher(output);
    if (!matcher.find()) {
      throw new IOException("wrk did not say " + pattern + ": " + output);
    }
    return matcher;
  }

  private static double micros(String number, String unit) {
    double value = Double.parseDouble(number);
    return switch (unit) {
      case "us" -> value;
      case "ms" -> value * 1e3;
      case "s" -> value * 1e6;
      default -> value * 60e6;
    };
  }
}
