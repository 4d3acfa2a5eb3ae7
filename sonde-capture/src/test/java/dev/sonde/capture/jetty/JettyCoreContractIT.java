// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import org.junit.jupiter.api.Test;

final class JettyCoreContractIT extends ServerContract {
  private final ServerFixture fixture = new CoreFixture("jetty-core", JettyFixture.Way.CONNECTOR);

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  @Test
  void version_isTheOneThatTheBuildNames() {
    assertThat(fixture.version()).isEqualTo(System.getProperty("jetty.expected"));
  }
}
