// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.time.MonotonicClock;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Hands events from any number of threads to a sink, on a background thread of its own.
 *
 * <p>At most {@code queueSize} events wait; then each new one drops the oldest. {@link #enqueue}
 * never blocks and never throws, whatever the sink does. The sink gets batches, oldest first, as
 * soon as {@code batchMax} events wait or the oldest has waited for {@code flushInterval}. Every
 * event is accounted for, in every reading of {@link #counts()}:
 *
 * <pre>
 * enqueued = processed + droppedOldest + droppedSinkFailed + droppedPoison + droppedClosed
 *            + queueDepth
 * </pre>
 *
 * <p>A batch on which the sink throws is lost and counted; it is not tried again, since the sink
 * may have taken a part of it. After {@code maxConsecutiveSinkFailures} such batches in a row the
 * sink is disabled; a single batch then tries it after 30 s, and after twice as long each time up
 * to 5 min, until one is taken. A sink that can take all but single elements of a batch throws
 * {@link PoisonException}; one that will resume by itself throws {@link SinkPausedException} and is
 * not disabled for it. What a sink does itself is not observed: its thread is a {@link
 * SondeThread}.
 *
 * @param <T> what it hands over
 */
public final class AsyncCollector<T> implements AutoCloseable {
  /** What the sink is up to. */
  public enum SinkState {
    /** It takes batches. */
    ACTIVE,
    /** It takes batches, but has been busy with one for more than 10 s. */
    STALLED,
    /** It failed too often; events are dropped until a batch that tries it again is taken. */
    DISABLED,
    /** The collector is closed. */
    CLOSED
  }

  /**
   * One consistent reading of all counts.
   *
   * @param enqueued calls of {@link AsyncCollector#enqueue}
   * @param processed events that the sink took
   * @param droppedOldest events that newer ones pushed out
   * @param droppedSinkFailed events of failed batches, and all while the sink was disabled
   * @param droppedPoison events that the sink can never take
   * @param droppedClosed events left when closing ran out of time, or enqueued afterwards
   * @param queueDepth events waiting, those with the sink at this moment included
   * @param flushErrors calls of the sink that failed
   * @param sinkState what the sink is up to
   */
  public record Counts(
      long enqueued,
      long processed,
      long droppedOldest,
      long droppedSinkFailed,
      long droppedPoison,
      long droppedClosed,
      long queueDepth,
      long flushErrors,
      SinkState sinkState) {}

  private static final Logger LOGGER = System.getLogger("dev.sonde.core");

  private static final Duration DEFAULT_CLOSE_TIMEOUT = Duration.ofSeconds(2);
  private static final long STALLED_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long FIRST_PROBE_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long LAST_PROBE_NANOS = TimeUnit.MINUTES.toNanos(5);

  /** A wake-up is never lost; this only bounds what a defect of that reasoning could cost. */
  private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Pause before looking again at a slot whose writer was preempted. */
  private static final long PREEMPTED_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final SlotEncoder<Object> REFERENCE =
      (event, longs, l, refs, r) -> refs[r] = event;

  private final String name;
  private final Sink<T> sink;
  private final long flushNanos;
  private final int batchMax;
  private final int maxConsecutiveSinkFailures;
  private final boolean sinkRetry;
  private final MonotonicClock clock;
  private final SegmentRing ring;
  private final Thread writer;
  private final @Nullable Thread exitHook;
  private final CountDownLatch terminated = new CountDownLatch(1);
  private volatile boolean isClosed;

  // The writer's own.
  private final SlotReader reader = this::addToBatch;
  private final ArrayList<T> batch;
  private final List<T> batchView;
  private long oldestNanos;
  private int consecutiveFailures;
  private long probeNanos;
  private long probeDelayNanos;
  private boolean hasWarned;

  /*
   * Taking a batch from the ring and counting it as with the sink are one step under this lock, and
   * so is settling it; that is why the law holds at every moment. Neither the sink nor a producer
   * ever runs under it.
   */
  private final ReentrantLock counting = new ReentrantLock();
  private int withSink;
  private long withSinkSince;
  private long processed;
  private long droppedSinkFailed;
  private long droppedPoison;
  private long droppedClosed;
  private long flushErrors;
  private boolean isDisabled;
  private boolean isAbandoned;
  private boolean hasWarnedOfStall;

  @SuppressWarnings("unchecked") // a sink of a wider type reads the batch, and cannot write to it
  private AsyncCollector(Builder<T> builder) {
    name = builder.name;
    sink = (Sink<T>) builder.sink;
    flushNanos = builder.flushInterval.toNanos();
    batchMax = builder.batchMax;
    maxConsecutiveSinkFailures = builder.maxConsecutiveSinkFailures;
    sinkRetry = builder.sinkRetry;
    clock = builder.clock;
    // One stripe: the order over all threads is exact and no clock is read. Request threads are
    // spread over stripes before, in the pipeline.
    ring =
        new SegmentRing(
            builder.queueSize, 0, 1, 1, SegmentRing.defaultSegmentSize(builder.queueSize));
    batch = new ArrayList<>(batchMax);
    batchView = Collections.unmodifiableList(batch);
    writer = new SondeThread("sonde-" + name, this::run);
    exitHook =
        builder.closeAtExit
            ? new Thread(null, this::close, "sonde-" + name + "-exit", 0, false)
            : null;
  }

  /** Collects the settings of a collector before a sink; every one has a default. */
  public static <T> Builder<T> builder(Sink<? super T> sink) {
    return new Builder<>(sink);
  }

  /**
   * Hands over one event; never blocks, never throws, allocates nothing while the sink keeps up.
   */
  public void enqueue(T event) {
    ring.put(REFERENCE, event, 1);
  }

  /** All counts at one moment. */
  public Counts counts() {
    counting.lock();
    try {
      SegmentRing.Counts queue = ring.counts();
      return new Counts(
          queue.offered() + queue.refused(),
          processed,
          queue.dropped(),
          droppedSinkFailed,
          droppedPoison,
          droppedClosed + queue.refused(),
          queue.depth() + withSink,
          flushErrors,
          state());
    } finally {
      counting.unlock();
    }
  }

  /**
   * Logs at WARNING, once, that the sink is {@link SinkState#STALLED}.
   *
   * <p>The sink's own thread cannot tell, and a thread that serves requests should not log: some
   * background thread asks now and then. That of {@code Sonde} does so every second.
   */
  public void warnIfStalled() {
    boolean isNews;
    counting.lock();
    try {
      isNews = !hasWarnedOfStall && state() == SinkState.STALLED;
      hasWarnedOfStall |= isNews;
    } finally {
      counting.unlock();
    }
    if (isNews) {
      log(
          Level.WARNING,
          "Sink "
              + name
              + " has not returned from one call for more than 10 s; until it does, new events push"
              + " out old ones",
          null);
    }
  }

  /** Name of the sink, also of its thread. */
  public String name() {
    return name;
  }

  /** Events waiting, those with the sink at this moment included. */
  public long queueDepth() {
    return counts().queueDepth();
  }

  /** Calls of {@link #enqueue}. */
  public long enqueued() {
    return counts().enqueued();
  }

  /** Events that the sink took. */
  public long processed() {
    return counts().processed();
  }

  /** Events that newer ones pushed out. */
  public long droppedOldest() {
    return counts().droppedOldest();
  }

  /** Events of failed batches, and all while the sink was disabled. */
  public long droppedSinkFailed() {
    return counts().droppedSinkFailed();
  }

  /** Events that the sink can never take. */
  public long droppedPoison() {
    return counts().droppedPoison();
  }

  /** Events left when closing ran out of time, or enqueued afterwards. */
  public long droppedClosed() {
    return counts().droppedClosed();
  }

  /** Calls of the sink that failed. */
  public long flushErrors() {
    return counts().flushErrors();
  }

  /** What the sink is up to. */
  public SinkState sinkState() {
    return counts().sinkState();
  }

  /** Closes within 2 s; see {@link #close(Duration)}. */
  @Override
  public void close() {
    close(DEFAULT_CLOSE_TIMEOUT);
  }

  /**
   * Hands what waits to the sink, closes the sink, and ends the background thread.
   *
   * <p>Returns within the timeout whatever the sink does. What it has not taken by then is counted
   * as dropped, also if a hanging call should succeed later; the sink is closed by the background
   * thread when that call returns, never interrupted. Closing again has no effect.
   *
   * @param timeout 0 or more
   */
  public void close(Duration timeout) {
    if (timeout.isNegative()) {
      throw new IllegalArgumentException("timeout must be >= 0, was " + timeout);
    }
    ring.seal();
    isClosed = true;
    LockSupport.unpark(writer);
    // A sink may close its own collector: it cannot wait for itself, and the writer goes on.
    if (Thread.currentThread() != writer && !awaitTerminated(timeout)) {
      abandon();
    }
    if (exitHook != null && Thread.currentThread() != exitHook) {
      removeExitHook(exitHook);
    }
  }

  private void start() {
    if (exitHook != null) {
      try {
        Runtime.getRuntime().addShutdownHook(exitHook);
      } catch (IllegalStateException exiting) {
        LOGGER.log(Level.DEBUG, "JVM is exiting, sink {0} is not closed by it", name);
      }
    }
    writer.start();
  }

  private static void removeExitHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException exiting) {
      LOGGER.log(Level.DEBUG, "JVM is exiting, the exit hook stays");
    }
  }

  /** Waits even if interrupted: the time is bounded, and events are at stake. */
  private boolean awaitTerminated(Duration timeout) {
    long deadline = System.nanoTime() + saturatedNanos(timeout);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return terminated.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
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

  private static long saturatedNanos(Duration timeout) {
    return timeout.compareTo(Duration.ofDays(1)) > 0 ? TimeUnit.DAYS.toNanos(1) : timeout.toNanos();
  }

  private void abandon() {
    counting.lock();
    try {
      isAbandoned = true;
      droppedClosed += withSink + ring.discard();
      withSink = 0;
    } finally {
      counting.unlock();
    }
  }

  private SinkState state() {
    if (isClosed) {
      return SinkState.CLOSED;
    }
    if (isDisabled) {
      return SinkState.DISABLED;
    }
    boolean isStalled = withSink > 0 && clock.nanoTime() - withSinkSince > STALLED_NANOS;
    return isStalled ? SinkState.STALLED : SinkState.ACTIVE;
  }

  private void run() {
    try {
      oldestNanos = clock.nanoTime();
      while (!isClosed) {
        survive(this::cycle);
      }
      while (ring.depth() > 0) {
        survive(this::drainOnce);
      }
      settle(0, 0, withSink, 0);
      survive(this::closeSink);
    } finally {
      terminated.countDown();
    }
  }

  /** Runs one step; nothing that it throws ends the thread. */
  private void survive(Runnable step) {
    try {
      step.run();
    } catch (Throwable e) {
      // Only a lack of memory gets here: what the sink throws is caught around it.
      LockSupport.parkNanos(this, PREEMPTED_NANOS);
    }
  }

  private void cycle() {
    if (ring.await(Math.max(flushNanos, IDLE_NANOS), 1)) {
      oldestNanos = clock.nanoTime();
    }
    int waiting = ring.depth();
    long now = clock.nanoTime();
    long untilDue = oldestNanos + flushNanos - now;
    if (waiting > 0 && waiting < batchMax && untilDue > 0) {
      ring.await(Math.min(untilDue, flushNanos), batchMax);
      now = clock.nanoTime();
      waiting = ring.depth();
      untilDue = oldestNanos + flushNanos - now;
    }
    int due = waiting;
    if (untilDue <= 0) {
      oldestNanos = now;
    } else {
      // The rest is younger than what goes now, by how much is unknown: it keeps the older time.
      due = waiting - waiting % batchMax;
    }
    while (due > 0 && !isClosed) {
      int taken = flush(Math.min(due, batchMax));
      if (taken == 0) {
        return;
      }
      due -= taken;
    }
  }

  private void drainOnce() {
    flush(batchMax);
  }

  /** Hands one batch to the sink; returns its size, 0 if a preempted writer is to be waited for. */
  private int flush(int max) {
    long now = clock.nanoTime();
    int size = take(max, now);
    if (size == 0) {
      LockSupport.parkNanos(this, PREEMPTED_NANOS);
      return 0;
    }
    int poison = size - batch.size();
    if (!batch.isEmpty()) {
      if (isDisabled && (!sinkRetry || now - probeNanos < 0)) {
        settle(0, poison, batch.size(), 0);
      } else {
        offer(poison);
      }
    } else {
      settle(0, poison, 0, 0);
    }
    batch.clear();
    return size;
  }

  private int take(int max, long now) {
    counting.lock();
    try {
      // Not settled only if memory ran out between taking and settling.
      droppedSinkFailed += withSink;
      withSink = 0;
      withSinkSince = now;
      batch.clear();
      return ring.drain(max, now, reader);
    } finally {
      counting.unlock();
    }
  }

  @SuppressWarnings("unchecked") // only enqueue() puts references
  private void addToBatch(long time, long[] longs, int l, @Nullable Object[] refs, int r) {
    withSink++;
    Object event = refs[r];
    // A null, which only a caller without checks can hand over, is left out and counts as poison.
    if (event != null) {
      batch.add((T) event);
    }
  }

  private void offer(int nulls) {
    int size = batch.size();
    try {
      sink.accept(batchView);
    } catch (PoisonException e) {
      int poisoned = Math.min(e.poisoned(), size);
      settle(size - poisoned, nulls + poisoned, 0, 0);
      succeeded();
      return;
    } catch (SinkPausedException e) {
      // It is alive, and knows better than a probe in 30 s when it can go on.
      int lost = Math.min(e.lost(), size);
      int poisoned = Math.min(e.poisoned(), size - lost);
      settle(size - lost - poisoned, nulls + poisoned, lost, 1);
      succeeded();
      return;
    } catch (Throwable e) {
      // Errors too: one that a sink provokes, an OutOfMemoryError at that, must not end the thread
      // that alone keeps the counts right.
      settle(0, nulls, size, 1);
      failed(e, size);
      return;
    }
    settle(size, nulls, 0, 0);
    succeeded();
  }

  private void settle(int accepted, int poisoned, int failed, int errors) {
    counting.lock();
    try {
      // What was abandoned is counted already.
      if (!isAbandoned) {
        flushErrors += errors;
        withSink = 0;
        processed += accepted;
        droppedPoison += poisoned;
        droppedSinkFailed += failed;
      }
    } finally {
      counting.unlock();
    }
  }

  private void succeeded() {
    consecutiveFailures = 0;
    if (isDisabled) {
      setDisabled(false);
      log(Level.INFO, "Sink " + name + " works again", null);
    }
  }

  private void failed(Throwable failure, int size) {
    long now = clock.nanoTime();
    if (isDisabled) {
      probeDelayNanos = Math.min(2 * probeDelayNanos, LAST_PROBE_NANOS);
      probeNanos = now + probeDelayNanos;
    } else if (++consecutiveFailures >= maxConsecutiveSinkFailures) {
      setDisabled(true);
      probeDelayNanos = FIRST_PROBE_NANOS;
      probeNanos = now + probeDelayNanos;
      String outlook = sinkRetry ? "it is tried again in 30 s" : "it is not tried again";
      log(
          Level.WARNING,
          "Sink "
              + name
              + " is disabled after "
              + consecutiveFailures
              + " failed batches in a row; "
              + outlook,
          failure);
    } else {
      log(
          hasWarned ? Level.DEBUG : Level.WARNING,
          "Sink " + name + " failed, events lost: " + size,
          failure);
    }
    hasWarned = true;
  }

  private void setDisabled(boolean value) {
    counting.lock();
    try {
      isDisabled = value;
    } finally {
      counting.unlock();
    }
  }

  private void closeSink() {
    try {
      sink.close();
    } catch (Throwable e) {
      settle(0, 0, 0, 1);
      log(Level.WARNING, "Sink " + name + " failed to close", e);
    }
  }

  private static void log(Level level, String message, @Nullable Throwable failure) {
    try {
      LOGGER.log(level, message, failure);
    } catch (Throwable e) {
      // A logger that fails, for want of memory perhaps, must not add a second failure.
    }
  }

  /**
   * Settings of a collector.
   *
   * @param <T> what it hands over
   */
  public static final class Builder<T> {
    private final Sink<? super T> sink;
    private String name = "sink";
    private int queueSize = 2048;
    private Duration flushInterval = Duration.ofMillis(500);
    private int batchMax = 256;
    private int maxConsecutiveSinkFailures = 5;
    private boolean sinkRetry = true;
    private boolean closeAtExit = true;
    private MonotonicClock clock = MonotonicClock.system();

    private Builder(Sink<? super T> sink) {
      this.sink = sink;
    }

    /** Name of the sink, in logs and of its thread. Default {@code sink}. */
    public Builder<T> name(String name) {
      if (name.isBlank()) {
        throw new IllegalArgumentException("name must not be blank, was '" + name + "'");
      }
      this.name = name;
      return this;
    }

    /** Events that wait before the oldest is dropped. Default 2048; 1 to 1,048,576. */
    public Builder<T> queueSize(int queueSize) {
      this.queueSize = within("queueSize", queueSize, 1_048_576);
      return this;
    }

    /** Longest time that an event waits for others. Default 500 ms; 1 ms to 1 min. */
    public Builder<T> flushInterval(Duration flushInterval) {
      if (flushInterval.compareTo(Duration.ofMillis(1)) < 0
          || flushInterval.compareTo(Duration.ofMinutes(1)) > 0) {
        throw new IllegalArgumentException(
            "flushInterval must be within [PT0.001S, PT1M], was " + flushInterval);
      }
      this.flushInterval = flushInterval;
      return this;
    }

    /** Events handed to the sink at once. Default 256; 1 to 65,536, not above queueSize. */
    public Builder<T> batchMax(int batchMax) {
      this.batchMax = within("batchMax", batchMax, 65_536);
      return this;
    }

    /** Failed batches in a row that disable the sink. Default 5; 1 to 1,000,000. */
    public Builder<T> maxConsecutiveSinkFailures(int maxConsecutiveSinkFailures) {
      this.maxConsecutiveSinkFailures =
          within("maxConsecutiveSinkFailures", maxConsecutiveSinkFailures, 1_000_000);
      return this;
    }

    /** Whether a disabled sink is tried again. Default true. */
    public Builder<T> sinkRetry(boolean sinkRetry) {
      this.sinkRetry = sinkRetry;
      return this;
    }

    /** Whether the exit of the JVM closes the collector. Default true. */
    public Builder<T> closeAtExit(boolean closeAtExit) {
      this.closeAtExit = closeAtExit;
      return this;
    }

    /** The clock that measures intervals. Default that of the JVM. */
    public Builder<T> clock(MonotonicClock clock) {
      this.clock = clock;
      return this;
    }

    /** Checks the settings against each other and starts the background thread. */
    public AsyncCollector<T> start() {
      if (batchMax > queueSize) {
        throw new IllegalArgumentException(
            "batchMax must be <= queueSize (" + queueSize + "), was " + batchMax);
      }
      AsyncCollector<T> collector = new AsyncCollector<>(this);
      collector.start();
      return collector;
    }

    private static int within(String name, int value, int max) {
      if (value < 1 || value > max) {
        throw new IllegalArgumentException(name + " must be within [1, " + max + "], was " + value);
      }
      return value;
    }
  }
}
