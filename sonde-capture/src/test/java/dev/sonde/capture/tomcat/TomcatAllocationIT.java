// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.testkit.net.RawHttpClient;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/** Heap bytes that the adapter itself takes per request, behind an outlet that takes none. */
final class TomcatAllocationIT {
  private static final Logger TOMCAT = Logger.getLogger("org.apache");
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int WARM_UP_ROUNDS = 12;
  private static final int ROUNDS = 8;
  private static final int REQUESTS_PER_ROUND = 1_000;

  /** The scope in which the request's span is current, which is the core's. */
  private static final double SCOPE_BYTES = 32;

  /** Half of the smallest object. */
  private static final double RESOLUTION_BYTES = 8;

  @Test
  void request_allocatesNothingOfTheAdapters(@TempDir Path directory, TestReporter reporter)
      throws Exception {
    TOMCAT.setLevel(Level.OFF);
    Counting outlet = new Counting();
    Connector observed =
        SondeTomcat.connector(
            (name, capabilities) -> new ListenerScope(name, capabilities, outlet));

    try (Subject bare = new Subject(new Connector(), directory);
        Subject otherBare = new Subject(new Connector(), directory);
        Subject watched = new Subject(observed, directory)) {
      List<Subject> subjects = List.of(bare, otherBare, watched);
      for (int i = 0; i < WARM_UP_ROUNDS + ROUNDS; i++) {
        for (Subject subject : subjects) {
          subject.round(i >= WARM_UP_ROUNDS);
        }
      }

      double noise = Math.abs(otherBare.least - bare.least);
      double own = watched.least - bare.least;
      reporter.publishEntry(
          "bare %.1f B/request, noise %.1f, observed %+.1f".formatted(bare.least, noise, own));
      assertThat(outlet.ended.sum()).isEqualTo((WARM_UP_ROUNDS + ROUNDS) * REQUESTS_PER_ROUND);
      assertThat(own).isLessThan(SCOPE_BYTES + RESOLUTION_BYTES + noise);
    }
  }

  private static Tomcat started(Connector connector, Path directory) throws LifecycleException {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(directory.toString());
    connector.setPort(0);
    connector.setThrowOnFailure(true);
    boolean unused = connector.setProperty("address", "127.0.0.1");
    // One worker, which lives as long as the server: what others allocated could not be added up.
    unused &= connector.setProperty("maxThreads", "1");
    unused &= connector.setProperty("minSpareThreads", "1");
    unused &= connector.setProperty("maxKeepAliveRequests", "-1");
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", directory.toString());
    Tomcat.addServlet(context, "hello", new Hello());
    context.addServletMapping("/hello", "hello");
    tomcat.start();
    return tomcat;
  }

  private static long allocatedByWorkers() {
    long self = Thread.currentThread().getId();
    long bytes = 0;
    for (long id : THREADS.getAllThreadIds()) {
      if (id != self) {
        bytes += Math.max(0, THREADS.getThreadAllocatedBytes(id));
      }
    }
    return bytes;
  }

  /** One server with its client. */
  private static final class Subject implements AutoCloseable {
    private final Tomcat tomcat;
    private final RawHttpClient client;

    /** Of its rounds: the JIT and Tomcat's own background work only ever add to it. */
    double least = Double.MAX_VALUE;

    Subject(Connector connector, Path directory) throws IOException, LifecycleException {
      tomcat = started(connector, directory);
      client = RawHttpClient.connect(connector.getLocalPort());
    }

    void round(boolean isCounted) throws IOException {
      long before = allocatedByWorkers();
      for (int i = 0; i < REQUESTS_PER_ROUND; i++) {
        if (client.get("/hello").status() != 200) {
          throw new IOException("not answered");
        }
      }
      if (isCounted) {
        least = Math.min(least, (double) (allocatedByWorkers() - before) / REQUESTS_PER_ROUND);
      }
    }

    @Override
    public void close() throws IOException, LifecycleException {
      client.close();
      tomcat.stop();
      tomcat.destroy();
    }
  }

  /** Thirteen bytes. */
  private static final class Hello extends HttpServlet {
    private static final byte[] BODY = "Hello, world\n".getBytes(ISO_8859_1);

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.setContentType("text/plain");
      response.setContentLength(BODY.length);
      response.getOutputStream().write(BODY);
    }
  }

  /** Wants everything, and keeps a number. */
  private static final class Counting implements CaptureOutlet {
    final LongAdder ended = new LongAdder();

    @Override
    public boolean tellsEveryStart() {
      return false;
    }

    @Override
    public void connectionOpened(ConnectionState connection) {}

    @Override
    public void requestStarted(Exchange exchange) {}

    @Override
    public void requestEnded(Exchange exchange) {
      ended.increment();
    }

    @Override
    public void connectionClosed(ConnectionState connection) {}

    @Override
    public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {}
  }
}
