// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

/** Who closed a connection. */
public enum Initiator {
  /** The server, or the application within it. */
  LOCAL,
  /** The client. */
  REMOTE,
  /** The adapter cannot tell. */
  UNKNOWN
}
