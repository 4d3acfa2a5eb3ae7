// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import dev.sonde.perf.macro.server.ServerKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What to measure.
 *
 * @param server what serves in all of them
 * @param variants servers to compare with the bare one
 * @param pairs intervals of each of them, each beside one of the bare server
 * @param forks sets of processes that the pairs are spread over: two processes of the same server
 *     differ for as long as they live, by what the compiler made of them
 * @param seconds length of an interval
 * @param warmUpSeconds load of each process before the first interval
 * @param workNanos computation of each request
 * @param agent OpenTelemetry's agent
 * @param output directory of the result, of the logs and of what servers write
 */
record MacroOptions(
    ServerKind server,
    List<Variant> variants,
    int pairs,
    int forks,
    int seconds,
    int warmUpSeconds,
    long workNanos,
    Path agent,
    Path output) {
  private static final Pattern DURATION = Pattern.compile("(\\d+)(us|ms)");

  /** Reads a command line. */
  static MacroOptions parse(String... arguments) {
    ServerKind server = ServerKind.JETTY;
    Set<Variant> variants = new LinkedHashSet<>();
    int pairs = 18;
    int forks = 3;
    int seconds = 2;
    int warmUpSeconds = 30;
    long workNanos = 0;
    Path agent = Path.of("");
    Path output = Path.of("");
    for (int i = 0; i < arguments.length; i++) {
      String argument = arguments[i];
      if (!argument.startsWith("--")) {
        variants.add(Variant.of(argument));
        continue;
      }
      i++;
      if (i == arguments.length) {
        throw new IllegalArgumentException(argument + " needs a value");
      }
      String value = arguments[i];
      switch (argument) {
        case "--server" -> server = ServerKind.of(value);
        case "--pairs" -> pairs = count(argument, value);
        case "--forks" -> forks = count(argument, value);
        case "--seconds" -> seconds = count(argument, value);
        case "--warm-up" -> warmUpSeconds = count(argument, value);
        case "--work" -> workNanos = nanos(value);
        case "--agent" -> agent = Path.of(value);
        case "--output" -> output = Path.of(value);
        default -> throw new IllegalArgumentException("unknown option " + argument);
      }
    }
    if (variants.isEmpty()) {
      variants.addAll(List.of(Variant.values()));
      if (server != ServerKind.JETTY) {
        variants.remove(Variant.MICROMETER);
      }
    }
    variants.remove(Variant.BARE);
    if (server != ServerKind.JETTY && variants.contains(Variant.MICROMETER)) {
      throw new IllegalArgumentException(
          Variant.MICROMETER.key() + " is of jetty only, was " + server.key());
    }
    if (pairs < forks) {
      throw new IllegalArgumentException(
          "--pairs must be >= --forks (" + forks + "), was " + pairs);
    }
    return new MacroOptions(
        server,
        new ArrayList<>(variants),
        pairs,
        forks,
        seconds,
        warmUpSeconds,
        workNanos,
        agent,
        output);
  }

  /** Pairs of this set of processes. */
  int pairsOf(int fork) {
    return pairs * (fork + 1) / forks - pairs * fork / forks;
  }

  /** How long the loads take together. */
  long loadSeconds() {
    long warmUps = (long) forks * (variants.size() + 1) * warmUpSeconds;
    return warmUps + 2L * pairs * variants.size() * seconds;
  }

  private static int count(String option, String value) {
    if (!value.matches("[1-9]\\d{0,3}")) {
      throw new IllegalArgumentException(
          option + " must be an integer from 1 to 9999, was " + value);
    }
    return Integer.parseInt(value);
  }

  private static long nanos(String value) {
    Matcher duration = DURATION.matcher(value);
    if (!duration.matches()) {
      throw new IllegalArgumentException("--work must be such as 500us or 1ms, was " + value);
    }
    return Long.parseLong(duration.group(1)) * (duration.group(2).equals("us") ? 1_000 : 1_000_000);
  }
}
