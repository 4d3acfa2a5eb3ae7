// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.Capability;
import dev.sonde.capture.jetty.JettyFixture;
import dev.sonde.capture.jetty.ServletFixture;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import java.util.Map;
import java.util.Set;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;

final class JettyFilterContractIT extends ServerContract {
  private final ServerFixture fixture = new Fixture();

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  private static final class Fixture extends ServletFixture {
    Fixture() {
      super("servlet-filter-jetty", JettyFixture.Way.APPLICATION);
    }

    @Override
    public Set<Capability> capabilities() {
      return FilterTier.CAPABILITIES;
    }

    @Override
    public Map<Deviation, String> deviations() {
      return FilterTier.deviations(
          super.deviations(),
          Deviation.MALFORMED_BODY_AS_LEAVE,
          "Jetty tells a servlet of a malformed chunk as of an early end");
    }

    @Override
    protected void observe(ServletContextHandler context, ObservedListeners listeners) {
      context.addServletContainerInitializer(
          (classes, application) ->
              SondeFilter.install(
                  application,
                  new SondeFilter(listeners, FilterTier.UNSEEN_AFTER),
                  listeners.isEnabled()));
    }
  }
}
