// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

final class ReferenceServerContractTest extends ServerContract {
  @Override
  protected ServerFixture fixture() {
    return new ReferenceFixture();
  }
}
