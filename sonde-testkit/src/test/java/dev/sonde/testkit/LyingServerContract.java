// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import java.util.concurrent.atomic.AtomicReference;

/** The contract as {@link ServerContractTest} has it played against a lying adapter. */
final class LyingServerContract extends ServerContract {
  static final AtomicReference<ServerFixture> LIAR = new AtomicReference<>(new ReferenceFixture());

  @Override
  protected ServerFixture fixture() {
    return LIAR.get();
  }
}
