// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.util.Objects.requireNonNull;

import com.sun.management.ThreadMXBean;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.testkit.net.RawHttpClient;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What observation costs a server in heap bytes per request, beyond what the server costs itself.
 *
 * <p>Four servers run in this process: two bare ones, one whose collector is disabled, one that
 * records. One keep-alive client sends to each of them in turn; the bytes allocated by all threads
 * but the client's, divided by the requests, are that round's figure, and the smallest of the
 * rounds is the server's. The difference between the two bare servers is the noise of the method.
 * Connections are set up before, so what is allocated once per connection does not count.
 *
 * <p>Once does not always suffice. The loop of a selector's thread never returns, so each thread
 * stays in the code that the JIT had when it entered, and of two servers that are the same in every
 * way one may allocate an object per request that the other does not, for as long as they run.
 * Which one it is depends on who started first. Further sets of servers are therefore started in
 * another order, and each kind counts as its best server: an object that is made per request shows
 * in all of them.
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

  private static final int WARM_UP_REQUESTS = 4_000;
  private static final int WARM_UP_TURNS = 4;
  private static final int ROUNDS = 5;

  /** So many sets of servers at most. */
  private static final int SETS = 8;

  private static final int REQUESTS_PER_ROUND = 500;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Starts the servers and measures. */
  static AllocationComparison measure(ServerFixture fixture) throws Exception {
    List<Kind> kinds = new ArrayList<>(List.of(Kind.values()));
    Map<Kind, Double> floors = new EnumMap<>(Kind.class);
    AllocationComparison comparison;
    int sets = 0;
    do {
      measure(fixture, kinds, floors);
      double bare = requireNonNull(floors.get(Kind.BARE));
      double otherBare = requireNonNull(floors.get(Kind.OTHER_BARE));
      double disabled = requireNonNull(floors.get(Kind.DISABLED));
      double recording = requireNonNull(floors.get(Kind.RECORDING));
      comparison =
          new AllocationComparison(bare, otherBare - bare, disabled - bare, recording - bare);
      sets++;
      Collections.rotate(kinds, 1);
    } while (sets < SETS && !comparison.isFree());
    return comparison;
  }

  /** Measures one set of servers, started in this order, and lowers the floors. */
  private static void measure(ServerFixture fixture, List<Kind> kinds, Map<Kind, Double> floors)
      throws Exception {
    Map<Kind, Subject> subjects = new LinkedHashMap<>();
    try (ContractApplication application = new ContractApplication()) {
      for (Kind kind : kinds) {
        subjects.put(kind, new Subject(fixture, application, kind.collector()));
      }
      for (int i = 0; i < WARM_UP_TURNS; i++) {
        for (Subject subject : subjects.values()) {
          subject.send(WARM_UP_REQUESTS / WARM_UP_TURNS);
        }
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (Map.Entry<Kind, Subject> subject : subjects.entrySet()) {
          floors.merge(subject.getKey(), subject.getValue().measure(), Math::min);
        }
      }
    } finally {
      for (Subject subject : subjects.values()) {
        subject.close();
      }
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

  /** What a server is started with. */
  private enum Kind {
    BARE,
    OTHER_BARE,
    DISABLED,
    RECORDING;

    @Nullable LifecycleCollector collector() {
      return switch (this) {
        case BARE, OTHER_BARE -> null;
        case DISABLED -> new DisabledCollector();
        case RECORDING -> new LastEventCollector();
      };
    }
  }

  /** One server with its client. */
  private static final class Subject implements AutoCloseable {
    private final RunningServer server;
    private final RawHttpClient client;

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

    /** Returns the bytes that one more round allocates, per request. */
    double measure() throws IOException {
      Map<Long, Long> before = allocatedByThread();
      send(REQUESTS_PER_ROUND);
      long bytes = 0;
      for (Map.Entry<Long, Long> thread : allocatedByThread().entrySet()) {
        bytes += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
      }
      return (double) bytes / REQUESTS_PER_ROUND;
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
