// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.collect.LifecycleCollector;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The {@link ReferenceServer}, honest or with an adapter that lies. */
final class ReferenceFixture implements ServerFixture {
  private final UnaryOperator<LifecycleCollector> lie;
  private final int leaked;

  ReferenceFixture() {
    this(UnaryOperator.identity(), 0);
  }

  /**
   * @param lie what stands between the adapter and the collector
   * @param leaked connection states that the adapter forgets to release
   */
  ReferenceFixture(UnaryOperator<LifecycleCollector> lie, int leaked) {
    this.lie = lie;
    this.leaked = leaked;
  }

  @Override
  public String server() {
    return "reference";
  }

  @Override
  public String version() {
    return Runtime.version().feature() + "";
  }

  @Override
  public Set<Capability> capabilities() {
    return EnumSet.of(
        Capability.ACCEPT,
        Capability.BYTELESS,
        Capability.MALFORMED,
        Capability.IDLE_EXACT,
        Capability.ROUTE);
  }

  @Override
  public RunningServer start(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      ServerOptions options)
      throws IOException {
    ReferenceServer server =
        new ReferenceServer(
            application,
            collector == null ? null : lie.apply(collector),
            capabilities(),
            options,
            leaked);
    server.start();
    return server;
  }
}
