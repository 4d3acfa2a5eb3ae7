// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import picocli.CommandLine.IVersionProvider;

/** The version of the build, and the Java that runs it. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    String version = Main.class.getPackage().getImplementationVersion();
    return new String[] {
      "sonde " + (version == null ? "(built from source)" : version),
      "Java " + Runtime.version() + ", " + System.getProperty("os.name")
    };
  }
}
