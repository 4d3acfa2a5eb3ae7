// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.reactor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;
import io.netty.util.Version;
import org.junit.jupiter.api.Test;

final class ReactorNettyContractIT extends ServerContract {
  private final ServerFixture fixture = new ReactorNettyFixture();

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }

  @Test
  void version_isTheOneThatTheBuildNames() {
    assertThat(fixture.version()).isEqualTo(System.getProperty("reactor-netty.expected"));
  }

  /** Native parts of another version fail with the first error number that they are asked for. */
  @Test
  void netty_isOfOneVersion() {
    assertThat(Version.identify().values().stream().map(Version::artifactVersion).distinct())
        .as(() -> "versions of " + Version.identify().values())
        .hasSize(1);
  }
}
