// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

/** Something that the user can mend: said in one line, with an exit code and without a stack. */
public final class Failure extends Exception {
  private static final long serialVersionUID = 1;

  /** The command failed. */
  public static final int FAILED = 1;

  /** The command was used wrongly. */
  public static final int USAGE = 2;

  private final int exitCode;

  /** A failure that ends the command with {@code exitCode}. */
  public Failure(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
