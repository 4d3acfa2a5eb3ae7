// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.dashboard.Dashboard;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.jetty12.server.TimedHandler;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;

/**
 * A hello-world on Jetty's core, with one observer or none, that its parent process asks for its
 * processor time.
 *
 * <p>Says {@code ready <port> <dashboard's port or 0> <token or ->} when it listens. Every line on
 * its standard input is answered by {@code mark <processor ns> <requests handled> <bytes allocated>
 * <processor ns of the compiler>}; the end of its standard input is its own end, so it never
 * outlives its parent.
 */
final class HelloServer {
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final Server server = new Server();
  private final Hello hello;
  private final PrintStream parent;

  private HelloServer(long workIterations, PrintStream parent) {
    hello = new Hello(workIterations);
    this.parent = parent;
    server.setHandler(hello);
  }

  /**
   * Serves until standard input ends.
   *
   * @param arguments a {@link Variant}'s key and the work of a request in {@linkplain Work
   *     iterations}
   */
  @SuppressWarnings("SystemOut") // the parent process reads it
  public static void main(String[] arguments) throws Exception {
    Variant variant = Variant.of(arguments[0]);
    HelloServer hello = new HelloServer(Long.parseLong(arguments[1]), System.out);
    if (variant.hasDashboard()) {
      hello.serveObserved();
    } else {
      if (variant == Variant.MICROMETER) {
        hello.server.insertHandler(new TimedHandler(withPercentiles(), List.of()));
      }
      hello.serve(new ServerConnector(hello.server), "0 -");
    }
  }

  private void serveObserved() throws Exception {
    try (Sonde sonde = Sonde.start(SondeConfig.load());
        Dashboard dashboard = Dashboard.start(sonde)) {
      serve(SondeJetty.connector(server, sonde), dashboard.port() + " " + dashboard.token());
    }
  }

  private static MeterRegistry withPercentiles() {
    MeterRegistry registry = new SimpleMeterRegistry();
    DistributionStatisticConfig percentiles =
        DistributionStatisticConfig.builder().percentiles(0.5, 0.9, 0.99).build();
    registry
        .config()
        .meterFilter(
            new MeterFilter() {
              @Override
              public DistributionStatisticConfig configure(
                  Meter.Id id, DistributionStatisticConfig config) {
                return percentiles.merge(config);
              }
            });
    return registry;
  }

  private void serve(ServerConnector connector, String dashboard) throws Exception {
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    server.start();
    try {
      parent.println("ready " + connector.getLocalPort() + " " + dashboard);
      answerMarks();
    } finally {
      server.stop();
    }
  }

  private void answerMarks() throws IOException {
    BufferedReader asked =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    while (asked.readLine() != null) {
      parent.println(
          "mark "
              + PROCESS.getProcessCpuTime()
              + " "
              + hello.handled.sum()
              + " "
              + allocated()
              + " "
              + compilerNanos());
    }
  }

  /** Processor time of the compiler's threads that live now, as Linux tells it. */
  private static long compilerNanos() throws IOException {
    long nanos = 0;
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        if (Files.readString(task.resolve("comm")).matches("(?s)C[12] Compiler.*")) {
          String[] times = Files.readString(task.resolve("schedstat")).split(" ", -1);
          nanos += Long.parseLong(times[0]);
        }
      }
    }
    return nanos;
  }

  /** Bytes allocated by the threads that live now. */
  private static long allocated() {
    long bytes = 0;
    for (long thread : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
      bytes += Math.max(0, thread);
    }
    return bytes;
  }

  /** Answers twelve bytes, after some work. */
  private static final class Hello extends Handler.Abstract {
    private static final byte[] BODY = "Hello World!".getBytes(StandardCharsets.US_ASCII);

    final LongAdder handled = new LongAdder();
    private final long workIterations;

    Hello(long workIterations) {
      this.workIterations = workIterations;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      handled.increment();
      if (Work.of(workIterations) == 0) {
        throw new IllegalStateException("work never comes to zero");
      }
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain");
      response.getHeaders().put(HttpHeader.CONTENT_LENGTH, BODY.length);
      response.write(true, ByteBuffer.wrap(BODY), callback);
      return true;
    }
  }
}
