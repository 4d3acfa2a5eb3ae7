// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import com.sun.management.ThreadMXBean;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.testkit.net.RawHttpClient;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What observation costs a server in heap bytes per request, beyond what the server costs itself.
 *
 * <p>Four servers run in this process: two bare ones, one whose collector is disabled, one that
 * records. One keep-alive client sends to each of them in turn; the bytes allocated by all threads
 * but the client's, divided by the requests, are that round's figure, and the smallest of the
 * rounds is the server's. The difference between the two bare servers is the noise of the method;
 * it is mostly the JIT, which removes an allocation in one and not yet in the other. Connections
 * are set up before, so what is allocated once per connection does not count.
 *
 * @param bareBytes of a bare server, per request
 * @param noiseBytes by which the other bare server differs
 * @param noopBytes by which the server with a disabled collector differs
 * @param recordingBytes by which the server with a recording collector differs
 */
record AllocationComparison(
    double bareBytes, double noiseBytes, double noopBytes, double recordingBytes) {
  /** Half of the smallest object. */
  private static final double RESOLUTION_BYTES = 8;

  /** By which a server may differ from itself: how often its threads are woken up is chance. */
  private static final double SCATTER = 0.004;

  private static final int WARM_UP_REQUESTS = 6_000;
  private static final int ROUNDS = 5;

  /**
   * So often with new servers, if once does not suffice: how a server hands work from thread to
   * thread settles early, and differently. An object that is made per request shows every time.
   */
  private static final int ATTEMPTS = 4;

  private static final int REQUESTS_PER_ROUND = 1_000;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Starts the servers and measures. */
  static AllocationComparison measure(ServerFixture fixture) throws Exception {
    AllocationComparison comparison = measureOnce(fixture);
    for (int attempt = 1; attempt < ATTEMPTS && !comparison.isFree(); attempt++) {
      comparison = measureOnce(fixture);
    }
    return comparison;
  }

  private static AllocationComparison measureOnce(ServerFixture fixture) throws Exception {
    try (ContractApplication application = new ContractApplication();
        Subject bare = new Subject(fixture, application, null);
        Subject otherBare = new Subject(fixture, application, null);
        Subject noop = new Subject(fixture, application, new DisabledCollector());
        Subject recording = new Subject(fixture, application, new LastEventCollector())) {
      Subject[] subjects = {bare, otherBare, noop, recording};
      for (int i = 0; i < 4; i++) {
        for (Subject subject : subjects) {
          subject.send(WARM_UP_REQUESTS / 4);
        }
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (Subject subject : subjects) {
          subject.measure();
        }
      }
      double base = bare.floor;
      return new AllocationComparison(
          base, otherBare.floor - base, noop.floor - base, recording.floor - base);
    }
  }

  private boolean isFree() {
    return noopBytes < resolutionBytes();
  }

  /** Below this, a figure means that no object is made per request. */
  double resolutionBytes() {
    return RESOLUTION_BYTES + Math.abs(noiseBytes) + SCATTER * bareBytes;
  }

  @Override
  public String toString() {
    return "bare %.1f B/request, noise %.1f, disabled %+.1f, recording %+.1f"
        .formatted(bareBytes, noiseBytes, noopBytes, recordingBytes);
  }

  /** One server with its client. */
  private static final class Subject implements AutoCloseable {
    private final RunningServer server;
    private final RawHttpClient client;

    /** The smallest round: the JIT and other work of the server only ever add to it. */
    private double floor = Double.MAX_VALUE;

    Subject(
        ServerFixture fixture,
        ContractApplication application,
        @Nullable LifecycleCollector collector)
        throws Exception {
      server = fixture.start(application, collector, ServerOptions.defaults());
      client = RawHttpClient.connect(server.port());
    }

    void send(int requests) throws IOException {
      for (int i = 0; i < requests; i++) {
        if (client.get("/hello").status() != 200) {
          throw new IOException("not answered");
        }
      }
    }

    void measure() throws IOException {
      Map<Long, Long> before = allocatedByThread();
      send(REQUESTS_PER_ROUND);
      long bytes = 0;
      for (Map.Entry<Long, Long> thread : allocatedByThread().entrySet()) {
        bytes += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
      }
      floor = Math.min(floor, (double) bytes / REQUESTS_PER_ROUND);
    }

    @Override
    public void close() throws Exception {
      client.close();
      server.close();
    }

    private static Map<Long, Long> allocatedByThread() {
      long self = Thread.currentThread().getId();
      Map<Long, Long> bytes = new HashMap<>();
      for (long id : THREADS.getAllThreadIds()) {
        if (id != self) {
          bytes.put(id, Math.max(0, THREADS.getThreadAllocatedBytes(id)));
        }
      }
      return bytes;
    }
  }

  /** Wants nothing, and says so. */
  private static final class DisabledCollector implements LifecycleCollector {
    @Override
    public void record(LifecycleEvent event) {
      throw new IllegalStateException("a disabled collector was given an event");
    }

    @Override
    public boolean isEnabled() {
      return false;
    }
  }

  /** Keeps the last event, so that no event can be optimised away. */
  private static final class LastEventCollector implements LifecycleCollector {
    @SuppressWarnings("UnusedVariable") // written for its effect on escape analysis
    private volatile @Nullable LifecycleEvent last;

    @Override
    public void record(LifecycleEvent event) {
      last = event;
    }
  }
}
