// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

/** How the console shows events. */
public enum ConsoleFormat {
  /** One short line an event. */
  COMPACT,
  /** Several aligned and, on a terminal, coloured lines an event. */
  PRETTY
}
