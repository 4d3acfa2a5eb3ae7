// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

/** What every server with its adapter must do; a subclass names the server. */
public abstract class ServerContract {
  /** The server under test. */
  protected abstract ServerFixture fixture();
}
