// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What a run found.
 *
 * @param pairs by the server that was compared with the bare one
 * @param findings what the counts of client, handler and dashboard said
 */
record Report(MacroOptions options, Map<Variant, List<Pair>> pairs, List<String> findings) {
  private static final double WHOLE_PROCESSOR = 0.9;

  /** Writes the table for people. */
  void writeMarkdown(PrintStream out) {
    List<Interval> bare = pairs.values().stream().flatMap(List::stream).map(Pair::bare).toList();
    out.printf(
        "Bare: %.2f µs of processor time, %,.0f requests/s, p50 %.0f µs, p99 %.0f µs, %.0f B"
            + " (medians of %d intervals)%n%n",
        median(bare, Interval::cpuNanosPerRequest) / 1e3,
        median(bare, Interval::requestsPerSecond),
        median(bare, Interval::p50Micros),
        median(bare, Interval::p99Micros),
        median(bare, Interval::bytesPerRequest),
        bare.size());
    out.println(
        "| server | processor time of a request / bare | half of the pairs | all pairs | ns more (compiler · Sonde's threads · server) |"
            + " requests/s / bare | p50 / bare | p99 / bare (half of the pairs) | B more (server) |");
    out.println("|---|---|---|---|---|---|---|---|---|");
    for (Variant variant : options.variants()) {
      List<Pair> measured = pairs.getOrDefault(variant, List.of());
      Pair.Spread cpu = Pair.ratios(measured, Interval::cpuNanosPerRequest);
      Pair.Spread p99 = Pair.ratios(measured, Interval::p99Micros);
      out.printf(
          "| %s | **%.3f** | %.3f to %.3f | %.3f to %.3f | %.0f (%.0f · %.0f · %.0f) | %.3f | %.2f | %.2f (%.2f to %.2f)"
              + " | %.0f (%.0f) |%n",
          variant.label(),
          cpu.median(),
          cpu.lower(),
          cpu.upper(),
          cpu.min(),
          cpu.max(),
          Pair.differences(measured, Interval::cpuNanosPerRequest).median(),
          Pair.differences(measured, Interval::compilerNanosPerRequest).median(),
          Pair.differences(measured, Interval::sondeNanosPerRequest).median(),
          Pair.differences(measured, Interval::serverNanosPerRequest).median(),
          Pair.ratios(measured, Interval::requestsPerSecond).median(),
          Pair.ratios(measured, Interval::p50Micros).median(),
          p99.median(),
          p99.lower(),
          p99.upper(),
          Pair.differences(measured, Interval::bytesPerRequest).median(),
          Pair.differences(measured, Interval::serverBytesPerRequest).median());
    }
    out.printf(
        "%nMedians of %d pairs of %d s in %d sets of processes; %s, JDK %s, %s; those that idled took"
            + " %.2f %% of a processor together.%n",
        options.pairs(),
        options.seconds(),
        options.forks(),
        options.server().version(),
        System.getProperty("java.version"),
        String.join(" ", ServerProcess.JVM),
        100 * median(bare, Report::idleShare));
    long disturbed =
        pairs.values().stream().flatMap(List::stream).filter(Report::isDisturbed).count();
    if (disturbed > 0) {
      out.printf("In %d pairs another process was at work on the servers' processor.%n", disturbed);
    }
    findings.forEach(out::println);
  }

  /** Whether a server that was given all that it can do had less than its processor. */
  private static boolean isDisturbed(Pair pair) {
    return Math.min(pair.observed().processors(), pair.bare().processors()) < WHOLE_PROCESSOR;
  }

  /** Writes every interval. */
  void writeJson(Path file) throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(file.toFile(), JsonEncoding.UTF8)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeStringField("server", options.server().version());
      json.writeStringField("jdk", System.getProperty("java.version"));
      json.writeStringField("jvm", String.join(" ", ServerProcess.JVM));
      json.writeNumberField("work_ns", options.workNanos());
      json.writeArrayFieldStart("findings");
      for (String finding : findings) {
        json.writeString(finding);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("pairs");
      for (List<Pair> measured : pairs.values()) {
        for (Pair pair : measured) {
          json.writeStartObject();
          write(json, "observed", pair.observed());
          write(json, "bare", pair.bare());
          json.writeNumberField("cpu_ratio", pair.ratio(Interval::cpuNanosPerRequest));
          json.writeEndObject();
        }
      }
      json.writeEndArray();
      json.writeEndObject();
    }
  }

  private static void write(JsonGenerator json, String name, Interval interval) throws IOException {
    json.writeObjectFieldStart(name);
    json.writeStringField("variant", interval.variant().key());
    json.writeNumberField("fork", interval.fork());
    json.writeNumberField("processors", interval.processors());
    json.writeNumberField("handled", interval.handled());
    json.writeNumberField("cpu_ns_per_request", interval.cpuNanosPerRequest());
    json.writeNumberField("compiler_ns_per_request", interval.compilerNanosPerRequest());
    json.writeNumberField("sonde_ns_per_request", interval.sondeNanosPerRequest());
    json.writeNumberField("server_ns_per_request", interval.serverNanosPerRequest());
    json.writeNumberField("requests_per_second", interval.requestsPerSecond());
    json.writeNumberField("p50_us", interval.p50Micros());
    json.writeNumberField("p99_us", interval.p99Micros());
    json.writeNumberField("bytes_per_request", interval.bytesPerRequest());
    json.writeNumberField("server_bytes_per_request", interval.serverBytesPerRequest());
    json.writeNumberField("idle_processors", idleShare(interval));
    json.writeEndObject();
  }

  /** Processors that the servers without load took. */
  private static double idleShare(Interval interval) {
    return interval.idleCpuNanos() / 1e9 / interval.client().seconds();
  }

  private static double median(List<Interval> intervals, ToDoubleFunction<Interval> figure) {
    return Pair.Spread.of(intervals.stream().mapToDouble(figure).toArray()).median();
  }
}
