// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import dev.sonde.testkit.ServerContract;
import dev.sonde.testkit.ServerFixture;

final class JdkHttpContractIT extends ServerContract {
  private final ServerFixture fixture = new JdkHttpFixture();

  @Override
  protected ServerFixture fixture() {
    return fixture;
  }
}
