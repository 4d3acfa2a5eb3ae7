// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import org.junit.jupiter.api.Test;

final class VertxContractIT extends ServerContract {
  private final ServerFixture fixture = new VertxFixture();

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  @Test
  void version_isTheOneThatTheBuildNames() {
    assertThat(fixture.version()).isEqualTo(System.getProperty("vertx.expected"));
  }
}
