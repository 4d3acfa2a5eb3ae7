// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One server with its adapter, as the contract sees it.
 *
 * <p>An adapter's test implements this and {@link RunningServer}, and subclasses {@link
 * ServerContract}.
 */
public interface ServerFixture {
  /** Name of the server in lower case, such as {@code jetty}; part of the report's file name. */
  String server();

  /** Version that really runs, asked of the server's own code; part of the report's file name. */
  String version();

  /** What the adapter declares; scenarios that need more are skipped and say so. */
  Set<Capability> capabilities();

  /** How this server legitimately differs, with the reason for each; empty for the usual. */
  default Map<Deviation, String> deviations() {
    return Map.of();
  }

  /**
   * The template that the server gives for a route; differs where it has its own pattern language.
   */
  default String template(ContractRoute route) {
    return route.template();
  }

  /**
   * Starts a server on ephemeral ports of 127.0.0.1 and returns once it accepts.
   *
   * @param application what it serves: every {@link ContractRoute}, and nothing else
   * @param collector what the adapter reports to, or null for the bare server without the adapter
   * @param options time-outs and limits
   */
  RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws Exception;
}
