// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.dashboard.Dashboard;
import dev.sonde.perf.macro.server.Hello;
import dev.sonde.perf.macro.server.HelloServer;
import dev.sonde.perf.macro.server.JettyHello;
import dev.sonde.perf.macro.server.ServerKind;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.jspecify.annotations.Nullable;

/**
 * A hello-world with one observer or none, that its parent process asks for what it has used.
 *
 * <p>Says {@code ready <port> <dashboard's port or 0> <token or ->} when it listens. Every line on
 * its standard input is answered by {@code mark <requests handled> <usage>}, the latter as {@link
 * Usage} writes it; the end of its standard input is its own end, so it never outlives its parent.
 */
final class HelloProcess {
  private final ServerKind kind;
  private final long workIterations;
  private final PrintStream parent;

  private HelloProcess(ServerKind kind, long workIterations, PrintStream parent) {
    this.kind = kind;
    this.workIterations = workIterations;
    this.parent = parent;
  }

  /**
   * Serves until standard input ends.
   *
   * @param arguments names of a server and of a {@link Variant}, and the work of a request in
   *     iterations
   */
  @SuppressWarnings("SystemOut") // the parent process reads it
  public static void main(String[] arguments) throws Exception {
    Variant variant = Variant.of(arguments[1]);
    HelloProcess process =
        new HelloProcess(ServerKind.of(arguments[0]), Long.parseLong(arguments[2]), System.out);
    Hello hello = new Hello(process.workIterations, null);
    if (variant == Variant.MICROMETER) {
      process.serve(JettyHello.startWithMicrometer(hello), hello, null);
    } else if (variant == Variant.CORE) {
      process.serveRecorded();
    } else if (variant.isSonde()) {
      process.serveObserved(hello, variant.hasDashboard());
    } else {
      process.serve(process.kind.start(hello, null), hello, null);
    }
  }

  private void serveObserved(Hello hello, boolean hasDashboard) throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.load());
        @Nullable Dashboard dashboard = hasDashboard ? Dashboard.start(sonde) : null) {
      serve(kind.start(hello, sonde), hello, dashboard);
    }
  }

  private void serveRecorded() throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.load())) {
      Hello hello =
          new Hello(workIterations, sonde.listener("core", EnumSet.allOf(Capability.class)));
      serve(kind.start(hello, null), hello, null);
    }
  }

  private void serve(HelloServer started, Hello hello, @Nullable Dashboard dashboard)
      throws Exception {
    try (HelloServer server = started) {
      String shown = dashboard == null ? "0 -" : dashboard.port() + " " + dashboard.token();
      parent.println("ready " + server.port() + " " + shown);
      answerMarks(hello);
    }
  }

  private void answerMarks(Hello hello) throws IOException {
    BufferedReader asked =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    while (asked.readLine() != null) {
      parent.println("mark " + hello.handled() + " " + Usage.now().line());
    }
  }
}
