// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.Emitter;
import dev.sonde.collect.NoopCollector;
import dev.sonde.digest.PipelineCounts;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import java.util.EnumSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Sonde as {@link RecordBenchmark} uses it. */
public final class SondeStates {
  private static final String QUERY = "select id, name from users where id = ?";

  private SondeStates() {}

  /** One Sonde for all threads, without sinks. */
  @State(Scope.Benchmark)
  public static class Observer {
    /**
     * What becomes of the records.
     *
     * <ul>
     *   <li>drained: all are digested, because the callers pause now and then
     *   <li>flooded: callers at full speed drop most, while the digest thread takes what it can
     *   <li>stalled: the digest thread hangs in the application's code, and takes none
     * </ul>
     */
    @Param({"drained", "flooded", "stalled"})
    public String writer = "drained";

    private final StallingException stall = new StallingException();
    private boolean isDrained;
    private Sonde sonde = Sonde.start(SondeConfig.builder().enabled(false).build());
    private Emitter emitter = sonde.emitter();
    private ListenerScope listener = listener(sonde);
    private PipelineCounts before = sonde.health().counts();

    /** Starts it. */
    @Setup(Level.Trial)
    public void start() throws InterruptedException {
      sonde = Sonde.start(SondeConfig.builder().build());
      emitter = sonde.emitter();
      listener = listener(sonde);
      isDrained = writer.equals("drained");
      if (writer.equals("stalled")) {
        emitter.request("GET", "/", "/", 500, Outcome.APP_ERROR, 1, 0, 0, stall);
        stall.awaitStall();
      }
    }

    /** Notes where the records of earlier iterations went. */
    @Setup(Level.Iteration)
    public void begin() {
      before = sonde.health().counts();
    }

    /** Checks that the records went where the name of the row says. */
    @TearDown(Level.Iteration)
    public void check() {
      PipelineCounts after = sonde.health().counts();
      long offered = after.offered() - before.offered();
      long dropped = after.droppedOldest() - before.droppedOldest();
      long digested = after.digested() - before.digested();
      boolean isAsNamed =
          switch (writer) {
            case "drained" -> dropped <= offered / 100;
            case "stalled" -> digested == 0;
            default -> digested > 0;
          };
      if (offered == 0 || !isAsNamed) {
        throw new IllegalStateException(
            writer + ": offered " + offered + ", dropped " + dropped + ", digested " + digested);
      }
    }

    /** Stops it. */
    @TearDown(Level.Trial)
    public void stop() {
      stall.end();
      sonde.close();
    }

    /** Lets the digest thread catch up now and then, if it is to. */
    void rest(Pace pace) {
      if (isDrained) {
        pace.rest();
      }
    }

    void request() {
      long begin = System.nanoTime();
      emitter.request(
          RecordBenchmark.METHOD,
          RecordBenchmark.ROUTE,
          RecordBenchmark.PATH,
          RecordBenchmark.STATUS,
          Outcome.COMPLETED,
          System.nanoTime() - begin,
          0,
          RecordBenchmark.BYTES,
          null);
    }

    void function() {
      long begin = System.nanoTime();
      emitter.function("price.quote", System.nanoTime() - begin, null);
    }

    int profile() {
      return sonde.profile("price.quote", () -> 17);
    }

    void statement() {
      long begin = System.nanoTime();
      long end = System.nanoTime();
      emitter.database(
          "h2", "shop", "SELECT", "users", QUERY, 4711, 1, end - begin, end, false, null, 0);
    }
  }

  /** An exception of the application whose own code hangs when its frames are asked for. */
  private static final class StallingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient CountDownLatch stalled = new CountDownLatch(1);
    private final transient CountDownLatch ended = new CountDownLatch(1);

    @Override
    public StackTraceElement[] getStackTrace() {
      stalled.countDown();
      try {
        ended.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return new StackTraceElement[0];
    }

    void awaitStall() throws InterruptedException {
      if (!stalled.await(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the digest thread did not ask for the frames");
      }
    }

    void end() {
      ended.countDown();
    }
  }

  /** A thread with a connection of its own. */
  @State(Scope.Thread)
  public static class Caller {
    private static final int WARM_UP = 300_000;

    private @Nullable ConnectionState open;

    /**
     * Opens it, and makes Sonde look like one that has run for a while: it has recorded every kind
     * of work, so that the compiler has no fewer cases to tell apart than in an application, and
     * what it keeps is old.
     */
    @Setup(Level.Trial)
    public void open(Observer observer) {
      open = observer.listener.opened(0, null, null, Protocol.H1, false, System.nanoTime());
      for (int i = 0; i < WARM_UP; i++) {
        exchange(RecordBenchmark.PATH, RecordBenchmark.ROUTE);
        observer.request();
        observer.function();
        observer.statement();
      }
      OldGeneration.promote();
    }

    /** Closes it. */
    @TearDown(Level.Trial)
    public void close() {
      if (open != null) {
        open.closed(Initiator.LOCAL, null, System.nanoTime());
      }
    }

    void exchange(String path, String route) {
      ConnectionState connection = open;
      if (connection == null) {
        throw new IllegalStateException("not open");
      }
      Exchange exchange =
          connection.begin(0, 0, RecordBenchmark.METHOD, path, "HTTP/1.1", System.nanoTime());
      exchange.route(route);
      exchange.completed(RecordBenchmark.STATUS, RecordBenchmark.BYTES, System.nanoTime());
      exchange.release();
    }
  }

  /** A thread that pauses after each burst; what that costs is left out. */
  @State(Scope.Thread)
  public static class Pace {
    private static final int BURST = 512;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(3);

    private int done;

    void rest() {
      done++;
      if (done % BURST == 0) {
        CallerProfiler.pause(PAUSE_NANOS);
      }
    }
  }

  /** 100 routes in turn, with paths that are new strings, as those of a server are. */
  @State(Scope.Thread)
  public static class Mix {
    private static final int ROUTES = 100;

    private final String[] routes = new String[ROUTES];
    private final String[] prefixes = new String[ROUTES];
    private int current;

    /** Names the routes. */
    @Setup(Level.Trial)
    public void name() {
      for (int i = 0; i < ROUTES; i++) {
        prefixes[i] = "/shop/" + i + "/items/";
        routes[i] = prefixes[i] + "{id}";
      }
    }

    void next() {
      current = current + 1 == ROUTES ? 0 : current + 1;
    }

    String route() {
      return routes[current];
    }

    String newPath() {
      return prefixes[current].concat("4711");
    }
  }

  /** Everything off. */
  @State(Scope.Benchmark)
  public static class Off {
    final Sonde sonde = Sonde.start(SondeConfig.builder().enabled(false).build());
    final Emitter emitter = sonde.emitter();
    final ListenerScope listener = listener(sonde);
    final NoopCollector collector = NoopCollector.INSTANCE;
  }

  private static ListenerScope listener(Sonde sonde) {
    return sonde.listener("benchmark", EnumSet.allOf(Capability.class));
  }
}
