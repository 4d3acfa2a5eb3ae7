// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;
import org.opentest4j.TestAbortedException;

/**
 * Writes what the contract said about a server to {@code target/contract/<server>-<version>.txt},
 * and prints it.
 */
final class ContractReport implements BeforeEachCallback, AfterAllCallback, TestWatcher {
  /** Configuration parameter of a run whose verdicts are about the contract itself. */
  static final String SILENT = "dev.sonde.testkit.silent";

  private static final ExtensionContext.Namespace OWN =
      ExtensionContext.Namespace.create(ContractReport.class);

  private static final System.Logger LOGGER = System.getLogger("dev.sonde.testkit");

  private final Map<String, Row> rows = new ConcurrentHashMap<>();
  private final Map<String, Long> startNanos = new ConcurrentHashMap<>();
  private volatile String server = "unknown";
  private volatile List<String> deviations = List.of();

  @Override
  public void beforeEach(ExtensionContext context) {
    ServerFixture fixture = ((ServerContract) context.getRequiredTestInstance()).fixture();
    server = fixture.server() + "-" + fixture.version();
    List<String> lines = new ArrayList<>();
    new TreeMap<>(fixture.deviations())
        .forEach((deviation, reason) -> lines.add(deviation + ": " + reason));
    deviations = List.copyOf(lines);
    startNanos.put(context.getUniqueId(), System.nanoTime());
  }

  @Override
  public void testSuccessful(ExtensionContext context) {
    add(context, "passed", "");
  }

  @Override
  public void testAborted(ExtensionContext context, @Nullable Throwable cause) {
    add(context, "skipped", message(cause));
  }

  @Override
  public void testFailed(ExtensionContext context, @Nullable Throwable cause) {
    add(context, "FAILED", message(cause));
  }

  @Override
  public void testDisabled(ExtensionContext context, Optional<String> reason) {
    add(context, "skipped", reason.orElse("disabled"));
  }

  /** Adds what the witness of all scenarios says; extensions that end before this one may call. */
  static void witness(ExtensionContext context, String result, String reason) {
    context.getStore(OWN).put(Row.class, new Row(result, 0, reason));
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    if (rows.isEmpty() || context.getConfigurationParameter(SILENT).isPresent()) {
      return;
    }
    Row witness = context.getStore(OWN).get(Row.class, Row.class);
    if (witness != null) {
      rows.put("W01 wire-witness", witness);
    }
    StringBuilder text = new StringBuilder("contract of ").append(server).append('\n');
    long passed = rows.values().stream().filter(row -> row.result().equals("passed")).count();
    long skipped = rows.values().stream().filter(row -> row.result().equals("skipped")).count();
    text.append(
        "%d passed, %d skipped, %d failed%n"
            .formatted(passed, skipped, rows.size() - passed - skipped));
    new TreeMap<>(rows)
        .forEach(
            (scenario, row) ->
                text.append(
                        "%-52s %-8s %6d ms  %s%n"
                            .formatted(scenario, row.result(), row.millis(), row.reason())
                            .stripTrailing())
                    .append('\n'));
    for (String deviation : deviations) {
      text.append("deviation ").append(deviation).append('\n');
    }
    Path directory = Path.of("target", "contract");
    Files.createDirectories(directory);
    Files.writeString(directory.resolve(server + ".txt"), text);
    LOGGER.log(System.Logger.Level.INFO, text::toString);
  }

  private void add(ExtensionContext context, String result, String reason) {
    long start = startNanos.getOrDefault(context.getUniqueId(), System.nanoTime());
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    rows.put(context.getDisplayName(), new Row(result, millis, reason));
  }

  private static String message(@Nullable Throwable cause) {
    String message = cause == null ? "" : String.valueOf(cause.getMessage());
    if (cause instanceof TestAbortedException) {
      message = message.replaceFirst("^Assumption failed: ", "");
    }
    return message.strip().lines().map(String::strip).reduce((a, b) -> a + " | " + b).orElse("");
  }

  /**
   * @param result passed, skipped or FAILED
   * @param millis from the beginning of the test
   * @param reason why, if it did not pass
   */
  private record Row(String result, long millis, String reason) {}
}
