// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.Capability;
import dev.sonde.capture.tomcat.TomcatFixture;
import dev.sonde.testkit.Deviation;
import dev.sonde.testkit.ObservedListeners;
import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import java.util.Map;
import java.util.Set;
import org.apache.catalina.Context;

final class TomcatFilterContractIT extends ServerContract {
  private final ServerFixture fixture = new Fixture();

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  private static final class Fixture extends TomcatFixture {
    Fixture() {
      super("servlet-filter-tomcat", /* isObserved= */ false);
    }

    @Override
    public Set<Capability> capabilities() {
      return FilterTier.CAPABILITIES;
    }

    @Override
    public Map<Deviation, String> deviations() {
      return FilterTier.deviations(
          super.deviations(),
          Deviation.NO_GRACEFUL_STOP,
          "Tomcat stops an application only when its graceful stop is over");
    }

    @Override
    protected void observe(Context context, ObservedListeners listeners) {
      context.addServletContainerInitializer(
          (classes, application) ->
              SondeFilter.install(
                  application,
                  new SondeFilter(listeners, FilterTier.UNSEEN_AFTER),
                  listeners.isEnabled()),
          null);
    }
  }
}
