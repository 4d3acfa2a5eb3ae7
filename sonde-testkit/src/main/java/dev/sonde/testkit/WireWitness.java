// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.testkit.witness.PacketCapture;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Captures the packets of all scenarios of a contract, and compares them with the events at its
 * end.
 *
 * <p>A difference fails the class. Where packets cannot be captured the report says so; with {@code
 * CI=true} that is a failure.
 */
final class WireWitness
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
  /** Tag of a scenario whose requests the witness cannot be asked about. */
  static final String NOT_HTTP = "not-http";

  /** Tag of a scenario that asks whether a server still accepts, by connections without a byte. */
  static final String PROBED = "probed";

  private final List<WireComparison.Scenario> scenarios = new ArrayList<>();
  private Set<Capability> capabilities = Set.of();
  private Set<Deviation> deviations = Set.of();
  private Instant begin = Instant.MAX;
  private @Nullable PacketCapture capture;

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    if (context.getConfigurationParameter(ContractReport.SILENT).isPresent()) {
      return;
    }
    if (PacketCapture.isAvailable()) {
      capture = PacketCapture.start();
    } else if ("true".equals(System.getenv("CI"))) {
      throw new IllegalStateException("no witness: apt-get install tshark, and run as root");
    } else {
      ContractReport.witness(context, "skipped", "tshark is missing or may not capture");
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    begin = Instant.now();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    ServerContract contract = (ServerContract) context.getRequiredTestInstance();
    capabilities = contract.fixture().capabilities();
    deviations = contract.fixture().deviations().keySet();
    if (capture != null && context.getExecutionException().isEmpty()) {
      scenarios.add(
          new WireComparison.Scenario(
              context.getDisplayName(),
              begin,
              Instant.now(),
              contract.tlsByPort(),
              !context.getTags().contains(NOT_HTTP),
              context.getTags().contains(PROBED),
              contract.collector.connections(),
              contract.rejectedConnections()));
    }
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    PacketCapture running = capture;
    if (running == null) {
      return;
    }
    Set<Integer> clearPorts = new TreeSet<>();
    Set<Integer> tlsPorts = new TreeSet<>();
    for (WireComparison.Scenario scenario : scenarios) {
      scenario.tlsByPort().forEach((port, isTls) -> (isTls ? tlsPorts : clearPorts).add(port));
    }
    try (running) {
      WireComparison comparison =
          new WireComparison(capabilities, deviations, running.connections(clearPorts, tlsPorts));
      for (WireComparison.Scenario scenario : scenarios) {
        comparison.compare(scenario);
      }
      boolean isEqual = comparison.differences().isEmpty();
      ContractReport.witness(context, isEqual ? "passed" : "FAILED", comparison.summary());
      if (!isEqual) {
        throw new AssertionError(
            comparison.summary() + "\n" + String.join("\n", comparison.differences()));
      }
    }
  }
}
