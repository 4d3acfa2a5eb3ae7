// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import com.sun.management.ThreadMXBean;
import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.event.Protocol;
import dev.sonde.trace.TraceContext;
import java.lang.management.ManagementFactory;
import java.util.EnumSet;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.IterationParams;

/**
 * What one request costs the digest thread: its processor time and its allocation, divided by the
 * requests it took from the ring.
 *
 * <p>Read {@code digestNanos} and {@code digestBytes}; the score is the time of the whole round.
 * The ring never overflows here, and each request has a path of its own, as from a parser.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 6)
@Measurement(iterations = 10)
@Fork(1)
public class DigestBenchmark {
  private static final int REQUESTS = 400_000;
  private static final int ROUTES = 16;
  private static final int DURATIONS = 1 << 12;

  /** Between the half of the ring, at which the digest thread is woken, and the whole. */
  private static final int MOST_WAITING = 6_000;

  /** An observer with one connection. */
  @State(Scope.Benchmark)
  public static class Observer {
    /** Sinks that do nothing. */
    @Param({"0", "1"})
    public int sinks;

    /** Profiled calls within each request. */
    @Param({"0", "2"})
    public int calls;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final String[] routes = new String[ROUTES];
    private final long[] durations = new long[DURATIONS];
    private @Nullable Sonde sonde;
    private @Nullable ConnectionState connection;
    private long digestThread;
    private int next;

    /** Starts it. */
    @Setup(Level.Trial)
    public void start() {
      SplittableRandom random = new SplittableRandom(1);
      for (int i = 0; i < DURATIONS; i++) {
        durations[i] = (long) (1e6 * Math.exp(3 * random.nextDouble()));
      }
      for (int i = 0; i < ROUTES; i++) {
        routes[i] = "/route" + i + "/{id}";
      }
      Sonde started = Sonde.start(SondeConfig.builder().build());
      for (int i = 0; i < sinks; i++) {
        started.addSink("sink" + i, batch -> {});
      }
      connection =
          started
              .listener("benchmark", EnumSet.allOf(Capability.class))
              .opened(0, null, null, Protocol.H1, false, System.nanoTime());
      digestThread = idOf("sonde-digest");
      sonde = started;
    }

    private static long idOf(String name) {
      for (Thread thread : Thread.getAllStackTraces().keySet()) {
        if (thread.getName().equals(name)) {
          return thread.getId();
        }
      }
      throw new IllegalStateException("no thread " + name);
    }

    private void request(Sonde sonde, ConnectionState connection) {
      int i = next++;
      long end = System.nanoTime();
      long start = end - durations[i & (DURATIONS - 1)];
      String path = String.format(Locale.ROOT, "/route%d/%d", i % ROUTES, i);
      Exchange exchange = connection.begin(0, 0, "GET", path, "HTTP/1.1", start);
      exchange.route(routes[i % ROUTES]);
      if (calls > 0) {
        try (TraceContext.Scope scope = TraceContext.use(exchange.span())) {
          for (int call = 0; call < calls; call++) {
            sonde.emitter().function("price.quote", 1_000, null);
          }
        }
      }
      exchange.completed(200, 512, end);
    }

    private void waitUntilDigested(Sonde sonde, long mostWaiting) {
      while (sonde.health().counts().inQueue() > mostWaiting) {
        LockSupport.parkNanos(50_000);
      }
    }

    /** Stops it. */
    @TearDown(Level.Trial)
    public void stop() {
      if (connection != null && sonde != null) {
        connection.closed(Initiator.LOCAL, null, System.nanoTime());
        sonde.close();
      }
    }
  }

  /** Processor time and allocation of the digest thread per request. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.EVENTS)
  public static class PerRequest {
    /** Nanoseconds. */
    public double digestNanos;

    /** Bytes. */
    public double digestBytes;

    /** Records that the ring dropped, which must be none. */
    public double dropped;
  }

  /** One round. */
  @Benchmark
  public void digest(Observer observer, PerRequest cost, IterationParams iterations) {
    Sonde sonde = observer.sonde;
    ConnectionState connection = observer.connection;
    if (sonde == null || connection == null) {
      return;
    }
    long cpu = observer.threads.getThreadCpuTime(observer.digestThread);
    long bytes = observer.threads.getThreadAllocatedBytes(observer.digestThread);
    long dropped = sonde.health().counts().droppedOldest();
    for (int i = 0; i < REQUESTS; i++) {
      observer.request(sonde, connection);
      if (i % 512 == 0) {
        observer.waitUntilDigested(sonde, MOST_WAITING);
      }
    }
    observer.waitUntilDigested(sonde, 0);
    cpu = observer.threads.getThreadCpuTime(observer.digestThread) - cpu;
    bytes = observer.threads.getThreadAllocatedBytes(observer.digestThread) - bytes;
    dropped = sonde.health().counts().droppedOldest() - dropped;
    // JMH adds up what each iteration tells.
    double requests = (double) REQUESTS * iterations.getCount();
    cost.digestNanos = cpu / requests;
    cost.digestBytes = bytes / requests;
    cost.dropped = dropped / requests;
  }
}
