// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code sonde} command. */
@Command(
    name = "sonde",
    description = "Shows every connection, request, function call and query of a JVM web server.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = DemoCommand.class,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:ok", "1:failure", "2:wrong usage"})
public final class Main {
  private Main() {}

  /** Runs the command line and ends the JVM with its exit code. */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setExecutionExceptionHandler(Main::complain);
    return line;
  }

  private static int complain(
      Exception failure, CommandLine line, CommandLine.ParseResult arguments) {
    line.getErr()
        .println("sonde: " + (failure instanceof Failure ? failure.getMessage() : failure));
    return failure instanceof Failure expected ? expected.exitCode() : 1;
  }
}
