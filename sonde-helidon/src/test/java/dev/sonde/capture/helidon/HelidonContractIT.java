// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import org.junit.jupiter.api.Test;

final class HelidonContractIT extends ServerContract {
  private final ServerFixture fixture = new HelidonFixture(/* hasHttp2= */ true);

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  @Test
  void version_isTheOneThatTheBuildNames() {
    assertThat(fixture.version()).isEqualTo(System.getProperty("helidon.expected"));
  }
}
