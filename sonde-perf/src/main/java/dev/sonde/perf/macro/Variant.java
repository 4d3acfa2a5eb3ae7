// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A server under test: the same hello-world with a different observer. */
enum Variant {
  /** The server alone: what all others are compared with. */
  BARE("bare", "the server alone"),
  /** Once more the same: what the method sees where there is nothing to see. */
  CONTROL("control", "the server alone, a second process"),
  /** Observed by a Sonde that is off. */
  SONDE_OFF("sonde-off", "Sonde installed and disabled"),
  /** The core's own record of each request, made by the application instead of an adapter. */
  CORE("core", "the core's own record, without an adapter"),
  /** Lifecycle and request events, statistics, trace ids, and nobody who looks. */
  SONDE_ALONE("sonde-alone", "Sonde without a dashboard"),
  /** As installed: lifecycle and request events, statistics, trace ids, the dashboard's page. */
  SONDE("sonde", "Sonde as installed, dashboard open"),
  /** One trace in ten kept. */
  SONDE_SAMPLED("sonde-sampled", "the same, 10 % sampling"),
  /** Every event to an archive. */
  SONDE_JSONL("sonde-jsonl", "the same, JSONL of every event"),
  /** Micrometer's handler for Jetty 12 with percentiles. */
  MICROMETER("micrometer", "Micrometer's Jetty handler, percentiles"),
  /** OpenTelemetry's agent without exporters. */
  OTEL_AGENT("otel-agent", "OpenTelemetry agent, exporters none");

  private final String key;
  private final String label;

  Variant(String key, String label) {
    this.key = key;
    this.label = label;
  }

  /** The variant of this name on the command line. */
  static Variant of(String key) {
    for (Variant variant : values()) {
      if (variant.key.equals(key)) {
        return variant;
      }
    }
    String known = Arrays.stream(values()).map(Variant::key).collect(Collectors.joining(", "));
    throw new IllegalArgumentException("variant must be one of " + known + ", was " + key);
  }

  /** Its name on the command line. */
  String key() {
    return key;
  }

  /** What it is, for people. */
  String label() {
    return label;
  }

  /** Whether Sonde is its observer. */
  boolean isSonde() {
    return this == SONDE_OFF || this == SONDE_ALONE || hasDashboard();
  }

  /** Whether it has a dashboard to be looked at. */
  boolean hasDashboard() {
    return this == SONDE || this == SONDE_SAMPLED || this == SONDE_JSONL;
  }

  /**
   * Arguments of its JVM beside those that all have.
   *
   * @param archive directory that it may write to
   * @param agent OpenTelemetry's agent
   */
  List<String> jvmArguments(Path archive, Path agent) {
    List<String> arguments = new ArrayList<>();
    if (hasDashboard()) {
      arguments.add("-Dsonde.dashboard.port=0");
    }
    switch (this) {
      case SONDE_OFF -> arguments.add("-Dsonde.enabled=false");
      case SONDE_SAMPLED -> arguments.add("-Dsonde.sampling.rate=0.1");
      case SONDE_JSONL -> {
        arguments.add("-Dsonde.jsonl.dir=" + archive);
        arguments.add("-Dsonde.jsonl.total.bytes.max=200MB");
      }
      case OTEL_AGENT -> {
        arguments.add("-javaagent:" + agent);
        for (String signal : List.of("traces", "metrics", "logs")) {
          arguments.add("-Dotel." + signal + ".exporter=none");
        }
      }
      default -> {}
    }
    return arguments;
  }
}
