// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.Capability;
import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.Emitter;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.collect.LifecycleOutlet;
import dev.sonde.collect.NoopCollector;
import dev.sonde.collect.Sink;
import dev.sonde.collect.SondeThread;
import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.Hook;
import dev.sonde.digest.MemoryPart;
import dev.sonde.digest.Pipeline;
import dev.sonde.digest.PipelineCounts;
import dev.sonde.digest.SinkHealth;
import dev.sonde.event.Event;
import dev.sonde.recent.RecentNews;
import dev.sonde.recent.RecentRequest;
import dev.sonde.recent.RecentRequests;
import dev.sonde.sampling.PathRule;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.sink.ConsoleFormat;
import dev.sonde.sink.ConsoleSink;
import dev.sonde.sink.JsonlSink;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.stats.StatsConfig;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Observes the web server of this process: the one object that an application starts and closes.
 *
 * <p>Everything may be called from any thread. If {@code sonde.enabled} is false, nothing is
 * observed, no thread runs, and every view is empty.
 */
public final class Sonde implements AutoCloseable {
  private static final Logger LOGGER = System.getLogger("dev.sonde.core");

  /** Requests that last longer are known to an archive before their end. */
  private static final Duration ANNOUNCE_AFTER = Duration.ofMillis(500);

  private final SondeConfig config;
  private final MonotonicClock clock;
  private final long startNanos;
  private final StatsStore stats;
  private final ErrorRing errors;
  private final @Nullable Pipeline pipeline;
  private final @Nullable LifecycleOutlet collector;
  private final CaptureOutlet outlet;
  private final Emitter emitter;
  private final List<ListenerScope> listeners = new CopyOnWriteArrayList<>();
  private final List<Hook> hooks = new CopyOnWriteArrayList<>();
  private final LongAdder stageFaults = new LongAdder();
  private final AtomicBoolean isClosing = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile Runnable beforeExit = () -> {};
  private final Thread exitHook = new Thread(null, this::closeAtExit, "sonde-exit", 0, false);

  private Sonde(SondeConfig config, @Nullable LifecycleCollector own, MonotonicClock clock) {
    this.config = config;
    this.clock = clock;
    startNanos = clock.nanoTime();
    StatsConfig statsConfig =
        StatsConfig.builder()
            .window(config.statsWindow())
            .maxRoutes(config.statsRoutesMax())
            .build();
    stats = new StatsStore(statsConfig, clock);
    errors = new ErrorRing(config.errorsMax(), clock);
    if (!config.isEnabled()) {
      pipeline = null;
      collector = null;
      outlet = new LifecycleOutlet(NoopCollector.INSTANCE);
      emitter = NoopEmitter.INSTANCE;
      return;
    }
    SamplingPolicy policy = config.samplingPolicy();
    // First what can be refused, then what runs.
    Sink<Event> archive = archive();
    Pipeline started = startPipeline(policy);
    pipeline = started;
    if (archive != null) {
      addSink("jsonl", archive);
    }
    ConsoleFormat format = config.console();
    if (format != null) {
      addSink("console", console(format));
    }
    emitter = started;
    collector = own == null ? null : new LifecycleOutlet(own);
    outlet = collector == null ? started : new TwoOutlets(collector, started);
  }

  /**
   * Starts to observe as configured.
   *
   * @throws IllegalArgumentException naming the setting, if one cannot be followed; nothing runs
   *     then
   */
  public static Sonde start(SondeConfig config) {
    return start(config, null, MonotonicClock.system());
  }

  /**
   * Starts to observe as configured, and hands the lifecycle events of connections to {@code
   * collector} too, on the threads on which they happen.
   */
  public static Sonde start(SondeConfig config, LifecycleCollector collector) {
    return start(config, collector, MonotonicClock.system());
  }

  static Sonde start(
      SondeConfig config, @Nullable LifecycleCollector collector, MonotonicClock clock) {
    Sonde sonde = new Sonde(config, collector, clock);
    if (sonde.pipeline != null) {
      try {
        Runtime.getRuntime().addShutdownHook(sonde.exitHook);
      } catch (IllegalStateException exiting) {
        sonde.close(Duration.ZERO);
        throw exiting;
      }
    }
    return sonde;
  }

  private Pipeline startPipeline(SamplingPolicy policy) {
    Pipeline.Config settings =
        new Pipeline.Config(
            config.queueSize(),
            ANNOUNCE_AFTER,
            config.keepsErrorMessages(),
            config.masksClientAddresses(),
            config.longPolls().stream().map(PathRule::parse).toList());
    return new Pipeline(settings, stats, errors, policy, clock);
  }

  private @Nullable Sink<Event> archive() {
    Path directory = config.jsonlDir();
    if (directory == null) {
      return null;
    }
    JsonlSink.Builder archive =
        JsonlSink.builder(directory)
            .service(config.serviceName())
            .prefix(config.jsonlPrefix())
            .instance(config.instanceId())
            .rotateBytes(config.jsonlRotateBytes())
            .rotateInterval(config.jsonlRotateInterval())
            .compress(config.compressesJsonl())
            .clock(clock);
    Integer filesMax = config.jsonlFilesMax();
    if (filesMax != null) {
      archive.filesMax(filesMax);
    }
    Duration ageMax = config.jsonlAgeMax();
    if (ageMax != null) {
      archive.ageMax(ageMax);
    }
    Long totalBytesMax = config.jsonlTotalBytesMax();
    if (totalBytesMax != null) {
      archive.totalBytesMax(totalBytesMax);
    }
    return archive.build();
  }

  @SuppressWarnings("SystemOut") // standard output is what was asked for
  private Sink<Event> console(ConsoleFormat format) {
    return new ConsoleSink(format, System.out, ConsoleSink.wantsColour(System.getenv()), clock);
  }

  /** Whether anything is observed; adapters that find false need not hook anything. */
  public boolean isEnabled() {
    return pipeline != null;
  }

  /** What it was started with. */
  public SondeConfig config() {
    return config;
  }

  /**
   * A listening socket whose connections are observed from now on.
   *
   * @param server name and version for people, such as {@code Jetty 12.0.39}
   * @param capabilities what the adapter can see of this server
   */
  public ListenerScope listener(String server, Set<Capability> capabilities) {
    ListenerScope listener = new ListenerScope(server, capabilities, outlet);
    hooked(server, listener.capabilities());
    if (pipeline != null) {
      listeners.add(listener);
      pipeline.watch(listener);
    }
    return listener;
  }

  /** Notes for the health view that something besides a listener is observed, such as JDBC. */
  public void hooked(String name) {
    hooked(name, Set.of());
  }

  private void hooked(String name, Set<Capability> capabilities) {
    Hook hook = new Hook(name, capabilities);
    if (!hooks.contains(hook)) {
      hooks.add(hook);
    }
  }

  /** Where pieces of work are reported; does nothing if nothing is observed. */
  public Emitter emitter() {
    return emitter;
  }

  /**
   * Adds a sink with a queue and a thread of its own; it gets every event from now on and is closed
   * with this.
   *
   * @param name for people, part of its thread's name
   */
  public void addSink(String name, Sink<? super Event> sink) {
    if (pipeline == null) {
      return;
    }
    pipeline.addSink(sink, settings -> configured(settings, name));
  }

  private AsyncCollector.Builder<Event> configured(
      AsyncCollector.Builder<Event> settings, String name) {
    return settings
        .name(name)
        .queueSize(config.sinkQueueSize())
        .flushInterval(config.sinkFlushInterval())
        .batchMax(config.sinkBatchMax())
        .maxConsecutiveSinkFailures(config.sinkFailuresMax())
        .sinkRetry(config.retriesSinks());
  }

  /**
   * Runs a piece of work as a function of this name, within the current span.
   *
   * <p>What it returns or throws passes through untouched.
   *
   * @param <X> what it throws; nothing to declare for work that throws no checked exception
   */
  public <T extends @Nullable Object, X extends Exception> T profile(String name, Work<T, X> work)
      throws X {
    if (pipeline == null) {
      return work.call();
    }
    return measure(name, work);
  }

  /**
   * Runs a piece of work as a function of this name, within the current span.
   *
   * <p>What it returns or throws passes through untouched.
   */
  public <T extends @Nullable Object> T profile(String name, Callable<T> work) throws Exception {
    if (pipeline == null) {
      return work.call();
    }
    return measure(name, work::call);
  }

  /** Runs a piece of work as a function of this name, within the current span. */
  public void profile(String name, Runnable work) {
    if (pipeline == null) {
      work.run();
      return;
    }
    measure(
        name,
        () -> {
          work.run();
          return null;
        });
  }

  private <T extends @Nullable Object, X extends Exception> T measure(String name, Work<T, X> work)
      throws X {
    TraceContext.Calls calls = TraceContext.calls();
    long start = clock.nanoTime();
    // Between this and the try, and before its end below, nothing may throw for lack of stack: the
    // call would be open for ever.
    int call = calls.begin();
    Throwable thrown = null;
    try {
      return work.call();
    } catch (Throwable t) {
      thrown = t;
      throw t;
    } finally {
      Span span = calls.end(call);
      long end = clock.nanoTime();
      if (span == null) {
        emitter.function(name, end - start, end, thrown);
      } else {
        emitter.function(span, name, end - start, end, thrown);
      }
    }
  }

  /**
   * Starts asynchronous work as a function of this name, which lasts until its stage has ended.
   *
   * <p>The stage is returned as it is. Work that the starter hands to other threads belongs to the
   * function if it goes through one of the wraps of {@link TraceContext}.
   */
  public <T extends @Nullable Object> CompletionStage<T> profileAsync(
      String name, Supplier<? extends CompletionStage<T>> starter) {
    if (pipeline == null) {
      return starter.get();
    }
    Span span = TraceContext.childOfCurrent();
    long start = clock.nanoTime();
    CompletionStage<T> stage;
    try (TraceContext.Scope ignored = TraceContext.use(span)) {
      stage = starter.get();
    } catch (Throwable t) {
      long end = clock.nanoTime();
      emitter.function(span, name, end - start, end, t);
      throw t;
    }
    observeEnd(
        stage,
        thrown -> {
          long end = clock.nanoTime();
          emitter.function(span, name, end - start, end, causeOf(thrown));
        });
    return stage;
  }

  /**
   * Reports the end of a stage, once. A stage that cannot be observed, which is a null or one whose
   * own code throws, is a fault, and its function ends now: the caller must not notice.
   */
  private <T extends @Nullable Object> void observeEnd(
      @Nullable CompletionStage<T> stage, Consumer<@Nullable Throwable> report) {
    AtomicBoolean isReported = new AtomicBoolean();
    try {
      requireNonNull(stage, "stage")
          .whenComplete(
              (value, thrown) -> {
                if (isReported.compareAndSet(false, true)) {
                  report.accept(thrown);
                }
              });
    } catch (Throwable unobservable) {
      stageFaults.increment();
      if (isReported.compareAndSet(false, true)) {
        report.accept(null);
      }
    }
  }

  /** A stage reports what an earlier one threw in a wrapping of its own. */
  private static @Nullable Throwable causeOf(@Nullable Throwable thrown) {
    Throwable cause = thrown instanceof CompletionException ? thrown.getCause() : null;
    return cause == null ? thrown : cause;
  }

  /**
   * A piece of work that declares what it throws.
   *
   * @param <T> what it returns
   * @param <X> what it throws
   */
  @FunctionalInterface
  public interface Work<T extends @Nullable Object, X extends Exception> extends Callable<T> {
    @Override
    T call() throws X;
  }

  /**
   * Has the application end its own work when the JVM is told to end, before this closes.
   *
   * <p>The JVM runs its exit hooks side by side, so a server that is stopped by a hook of its own
   * goes on while this closes, and its last events are counted as lost. A task given here runs
   * first, on this one's hook; it should take seconds at most. A later task replaces an earlier.
   */
  public void beforeExit(Runnable task) {
    beforeExit = task;
  }

  /** The numbers of the rolling window. */
  public StatsSnapshot stats() {
    return stats.snapshot();
  }

  /** The numbers of the last part of the window. */
  public StatsSnapshot stats(Duration window) {
    return stats.snapshot(window);
  }

  /** The kinds of failure seen, most recent first. */
  public ErrorSnapshot errors() {
    return errors.snapshot();
  }

  /** Requests that can be looked at one by one: the newest, and the slowest of each route. */
  public RecentRequests recent() {
    return pipeline == null ? new RecentRequests(List.of(), List.of()) : pipeline.recent();
  }

  /**
   * Requests that ended since an earlier look, and that can be looked at one by one.
   *
   * @param endedCount what {@link RecentNews#endedCount()} said then, at first 0
   * @param most requests at most, at least 0
   */
  public RecentNews recentNews(long endedCount, int most) {
    return pipeline == null ? new RecentNews(0, List.of()) : pipeline.news(endedCount, most);
  }

  /** The request with this number, or null if it is not kept any more. */
  public @Nullable RecentRequest request(long requestId) {
    return pipeline == null ? null : pipeline.find(requestId);
  }

  /** Both clocks at one recent moment, to turn the times of views and events into dates. */
  public ClockAnchor anchor() {
    return pipeline == null ? ClockAnchor.take(clock) : pipeline.anchor();
  }

  /** How well the observer does, and what it costs. */
  public HealthSnapshot health() {
    Pipeline p = pipeline;
    if (p == null) {
      PipelineCounts none = new PipelineCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      return health(none, List.of(), 0, List.of(), 0, 0, 0, Collections.emptySortedMap());
    }
    return health(
        p.counts(),
        p.sinks(),
        p.lagNanos(),
        p.memory(config.errorsMax(), config.sinkQueueSize()),
        p.nanosPerRecord(),
        p.bytesPerRecord(),
        p.cpuRatio(),
        faults(p));
  }

  private HealthSnapshot health(
      PipelineCounts counts,
      List<SinkHealth> sinks,
      long lagNanos,
      List<MemoryPart> memory,
      long nanosPerRecord,
      double bytesPerRecord,
      double cpuRatio,
      SortedMap<String, Long> faults) {
    return new HealthSnapshot(
        isEnabled(),
        config.instanceId(),
        anchor(),
        clock.nanoTime() - startNanos,
        counts,
        sinks,
        List.copyOf(hooks),
        lagNanos,
        config.queueSize(),
        memory,
        nanosPerRecord,
        bytesPerRecord,
        cpuRatio,
        faults);
  }

  private SortedMap<String, Long> faults(Pipeline p) {
    SortedMap<String, Long> faults = new TreeMap<>(p.faults());
    for (ListenerScope listener : listeners) {
      add(faults, "capture", listener.faults());
      add(faults, "late calls", listener.lateCalls());
    }
    add(faults, "stage", stageFaults.sum());
    add(faults, "collector", collector == null ? 0 : collector.failures());
    return Collections.unmodifiableSortedMap(faults);
  }

  private static void add(SortedMap<String, Long> faults, String kind, long count) {
    if (count > 0) {
      faults.merge(kind, count, Long::sum);
    }
  }

  /** Closes within {@code sonde.close.timeout}; see {@link #close(Duration)}. */
  @Override
  public void close() {
    close(config.closeTimeout());
  }

  /**
   * Hands everything that waits to the sinks, closes them, and ends every thread.
   *
   * <p>Returns within the timeout, whatever the sinks do; what there was no time for is counted in
   * {@link #health()}. Views stay readable. Closing again waits, within its own timeout, until the
   * first close is over.
   *
   * @param timeout 0 or more
   */
  public void close(Duration timeout) {
    if (timeout.isNegative()) {
      throw new IllegalArgumentException("timeout must be >= 0, was " + timeout);
    }
    if (pipeline == null) {
      return;
    }
    long timeoutNanos = saturatedNanos(timeout);
    if (!isClosing.compareAndSet(false, true)) {
      awaitClosed(timeoutNanos);
      return;
    }
    try {
      pipeline.close(Duration.ofNanos(timeoutNanos));
    } finally {
      closed.countDown();
    }
    if (Thread.currentThread() != exitHook) {
      try {
        Runtime.getRuntime().removeShutdownHook(exitHook);
      } catch (IllegalStateException exiting) {
        LOGGER.log(Level.DEBUG, "JVM is exiting, the exit hook stays");
      }
    }
  }

  private void awaitClosed(long timeoutNanos) {
    if (Thread.currentThread() instanceof SondeThread) {
      // A sink's own: the first close waits for it.
      return;
    }
    long deadline = System.nanoTime() + timeoutNanos;
    boolean interrupted = false;
    try {
      while (true) {
        try {
          boolean ignored = closed.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
          return;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static long saturatedNanos(Duration duration) {
    try {
      return duration.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE;
    }
  }

  private void closeAtExit() {
    try {
      beforeExit.run();
    } catch (RuntimeException | Error e) {
      LOGGER.log(Level.WARNING, "What was to run before the exit failed", e);
    }
    close();
  }
}
