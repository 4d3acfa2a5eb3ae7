// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.AsyncCollector;
import dev.sonde.collect.Emitter;
import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SegmentRing.Segment;
import dev.sonde.collect.Sink;
import dev.sonde.collect.SlotEncoder;
import dev.sonde.event.Event;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.recent.RecentNews;
import dev.sonde.recent.RecentRequest;
import dev.sonde.recent.RecentRequests;
import dev.sonde.recent.RecentStore;
import dev.sonde.sampling.PathRule;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.CancellationException;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Takes what capture and the application report and hands it to the digest thread through one
 * bounded ring.
 *
 * <p>Everything here that reports work runs on the application's threads and writes one slot.
 * Statistics are recorded when a slot leaves the ring, read or dropped, so that they miss nothing.
 * Nothing blocks and nothing is thrown.
 */
public final class Pipeline implements CaptureOutlet, Emitter {
  /**
   * Settings of a pipeline.
   *
   * @param queueSize records that can wait before the oldest is dropped
   * @param announceAfter time after which the start of a request that is still open is published
   * @param keepsErrorMessages whether the messages of exceptions are kept
   * @param masksClientAddresses whether the addresses of clients are cut to their network
   * @param longPolls the paths of long polls
   */
  public record Config(
      int queueSize,
      Duration announceAfter,
      boolean keepsErrorMessages,
      boolean masksClientAddresses,
      List<PathRule> longPolls) {
    /** Copies the rules. */
    public Config {
      longPolls = List.copyOf(longPolls);
    }

    /** Without long polls. */
    public Config(
        int queueSize,
        Duration announceAfter,
        boolean keepsErrorMessages,
        boolean masksClientAddresses) {
      this(queueSize, announceAfter, keepsErrorMessages, masksClientAddresses, List.of());
    }
  }

  private static final long SLOT_BYTES = 8L * (1 + Slots.LONGS) + 4L * Slots.REFS;

  // An error without and with its longest texts, and an event of usual size in a sink's queue.
  private static final long ERROR_BYTES = 500;
  private static final long MAX_ERROR_BYTES = ERROR_BYTES + 2L * (16_384 + 2 * 1_024 + 1_024);
  private static final long EVENT_BYTES = 200;

  private final SegmentRing ring;
  private final StatsStore stats;
  private final ErrorRing errors;
  private final SamplingPolicy policy;
  private final MonotonicClock clock;
  private final Faults faults = new Faults();
  private final RecentStore recent;
  private final CostMeter cost;
  private final Digest digest;
  private final Tally tally;
  private final boolean hasExcludes;
  private final PathRule[] longPolls;

  /** Creates the pipeline and starts its thread. */
  public Pipeline(
      Config config,
      StatsStore stats,
      ErrorRing errors,
      SamplingPolicy policy,
      MonotonicClock clock) {
    this.stats = stats;
    this.errors = errors;
    this.policy = policy;
    this.clock = clock;
    hasExcludes = policy.hasExcludes();
    longPolls = config.longPolls().toArray(new PathRule[0]);
    tally = new Tally(stats, policy, faults);
    ring = new SegmentRing(config.queueSize(), Slots.LONGS, Slots.REFS, tally);
    cost = new CostMeter(clock);
    recent =
        new RecentStore(
            RecentStore.DEFAULT_CAPACITY,
            EventBuilder.layout(config.keepsErrorMessages(), config.masksClientAddresses()));
    digest = new Digest(config, ring, tally, stats, errors, policy, recent, faults, clock);
    stats.inFlight(digest::openRequests);
    stats.openStreams(digest::openStreams);
    stats.settle(digest::settle);
    digest.start();
  }

  @Override
  public void connectionOpened(ConnectionState connection) {
    try {
      stats.connectionOpened(connection.openedNanos());
    } catch (Throwable t) {
      faults.count("statistics", t);
    }
    put(Slots.OPENED_ENCODER, connection, connection.openedNanos());
  }

  /** False: a request is told of when it has ended. */
  @Override
  public boolean tellsEveryStart() {
    return false;
  }

  @Override
  public void requestStarted(Exchange exchange) {
    if (hasExcludes && policy.excludes(exchange.path())) {
      exchange.exclude();
    }
    if (longPolls.length > 0 && isLongPoll(exchange.path())) {
      exchange.stream(StreamKind.LONG_POLL);
    }
  }

  private boolean isLongPoll(String path) {
    for (PathRule rule : longPolls) {
      if (rule.matches(path)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void requestEnded(Exchange exchange) {
    if (exchange.isSuppressed()) {
      tally.exclude();
      return;
    }
    if (CostMeter.measures(exchange.endNanos())) {
      long bytes = cost.allocatedBytes();
      long begin = clock.nanoTime();
      put(Slots.EXCHANGE_ENCODER, exchange, exchange.endNanos());
      cost.addMeasured(begin, bytes);
    } else {
      put(Slots.EXCHANGE_ENCODER, exchange, exchange.endNanos());
    }
  }

  @Override
  public void connectionClosed(ConnectionState connection) {
    long lifetimeNanos = connection.closedNanos() - connection.openedNanos();
    try {
      stats.connectionClosed(
          connection.closeReason(),
          connection.closeDetail(),
          connection.requestsServed(),
          connection.bodyBytesSent(),
          lifetimeNanos,
          connection.closedNanos());
    } catch (Throwable t) {
      faults.count("statistics", t);
    }
    // Ordered in the ring by a time read now, not by that of the close, which was read before the
    // last request's end was handed on: a close never overtakes what came before it.
    put(Slots.CLOSED_ENCODER, connection, clock.nanoTime());
  }

  @Override
  public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {
    try {
      stats.connectionRejected(nanos);
    } catch (Throwable t) {
      faults.count("statistics", t);
    }
  }

  /**
   * What {@link #sampleCost} is to be told: the bytes allocated before a record that it samples.
   */
  private long bytesBefore(long startNanos) {
    return CostMeter.measures(startNanos) ? cost.allocatedBytes() : 0;
  }

  private void sampleCost(long startNanos, long bytesBefore) {
    if (CostMeter.measures(startNanos)) {
      cost.addStamped(startNanos, bytesBefore);
    }
  }

  private <E> void put(SlotEncoder<? super E> encoder, E source, long timestampNanos) {
    try {
      if (!ring.put(encoder, source, timestampNanos)) {
        countUnqueued(encoder, source, timestampNanos);
      }
    } catch (Throwable stackExhausted) {
      faults.count("queue", stackExhausted);
    }
  }

  /** After the close, or where memory is short, the statistics alone are told. */
  private <E> void countUnqueued(SlotEncoder<? super E> encoder, E source, long timestampNanos) {
    Segment spare = ring.spare();
    int l = ring.longOf(0);
    encoder.encode(source, spare.longs(), l, spare.refs(), 0);
    tally.read(timestampNanos, spare.longs(), l, spare.refs(), 0);
  }

  private void putRequest(
      long header,
      @Nullable Span span,
      Shapes.Request shape,
      String target,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable Throwable error,
      long endNanos) {
    Segment segment = null;
    int slot;
    try {
      do {
        segment = ring.newest();
        slot = ring.claim(segment);
      } while (slot == SegmentRing.FULL);
    } catch (Throwable memoryOrStackExhausted) {
      ring.countExhausted();
      slot = SegmentRing.REFUSED;
    }
    boolean isQueued = slot != SegmentRing.REFUSED;
    if (segment == null || !isQueued) {
      // The statistics alone are told.
      segment = ring.spare();
      slot = 0;
    }
    long[] longs = segment.longs();
    @Nullable Object[] refs = segment.refs();
    int l = ring.longOf(slot);
    int r = ring.refOf(slot);
    try {
      Slots.putRequest(
          longs, l, refs, r, header, span, shape, target, durationNanos, bytesIn, bytesOut, error);
    } catch (Throwable stackExhausted) {
      if (isQueued) {
        ring.cancel(segment, slot);
      }
      throw stackExhausted;
    }
    if (isQueued) {
      ring.publish(segment, slot, endNanos);
    } else {
      tally.read(endNanos, longs, l, refs, r);
    }
  }

  private void putPart(
      long header,
      @Nullable Span span,
      int number,
      Object shape,
      long rows,
      long durationNanos,
      @Nullable String failure,
      long endNanos) {
    Segment segment = null;
    int slot;
    try {
      do {
        segment = ring.newest();
        slot = ring.claim(segment);
      } while (slot == SegmentRing.FULL);
    } catch (Throwable memoryOrStackExhausted) {
      ring.countExhausted();
      slot = SegmentRing.REFUSED;
    }
    boolean isQueued = slot != SegmentRing.REFUSED;
    if (segment == null || !isQueued) {
      // The statistics alone are told.
      segment = ring.spare();
      slot = 0;
    }
    long[] longs = segment.longs();
    @Nullable Object[] refs = segment.refs();
    int l = ring.longOf(slot);
    int r = ring.refOf(slot);
    try {
      Slots.putPart(longs, l, refs, r, header, span, number, shape, rows, durationNanos, failure);
    } catch (Throwable stackExhausted) {
      if (isQueued) {
        ring.cancel(segment, slot);
      }
      throw stackExhausted;
    }
    if (isQueued) {
      ring.publish(segment, slot, endNanos);
    } else {
      tally.read(endNanos, longs, l, refs, r);
    }
  }

  @Override
  public long failures() {
    return faults.counts().getOrDefault("emitter", 0L);
  }

  @Override
  public boolean isEnabled() {
    return !TraceContext.isSuppressed();
  }

  @Override
  public void request(
      String method,
      @Nullable String route,
      String target,
      int status,
      Outcome outcome,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable Throwable error) {
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      long now = clock.nanoTime();
      long bytes = bytesBefore(now);
      putRequest(
          Slots.ofRequest(status, outcome),
          TraceContext.current(),
          Shapes.request(method, route, ""),
          Shapes.boundedName(target),
          durationNanos,
          bytesIn,
          bytesOut,
          error,
          now);
      sampleCost(now, bytes);
    } catch (Throwable t) {
      faults.count("emitter", t);
    }
  }

  @Override
  public void function(String name, long durationNanos, @Nullable Throwable error) {
    try {
      function(name, durationNanos, clock.nanoTime(), error);
    } catch (Throwable t) {
      faults.count("emitter", t);
    }
  }

  @Override
  public void function(String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      call(TraceContext.current(), false, name, durationNanos, endNanos, error);
    } catch (Throwable t) {
      faults.count("emitter", t);
    }
  }

  @Override
  public void function(
      Span span, String name, long durationNanos, long endNanos, @Nullable Throwable error) {
    if (span.isSuppressed() || TraceContext.isSuppressed()) {
      return;
    }
    try {
      call(span, true, name, durationNanos, endNanos, error);
    } catch (Throwable t) {
      faults.count("emitter", t);
    }
  }

  private void call(
      @Nullable Span span,
      boolean isOwn,
      String name,
      long durationNanos,
      long endNanos,
      @Nullable Throwable error) {
    long bytes = bytesBefore(endNanos);
    boolean isError = error != null && !(error instanceof CancellationException);
    String exceptionType = error == null ? null : error.getClass().getName();
    Shapes.Name shape = Shapes.name(name);
    putPart(
        Slots.ofCall(isError, isOwn),
        span,
        shape.number(),
        shape,
        0,
        durationNanos,
        exceptionType,
        endNanos);
    sampleCost(endNanos, bytes);
  }

  @Override
  public void database(
      String vendor,
      @Nullable String database,
      String operation,
      @Nullable String target,
      @Nullable String query,
      long queryHash,
      long rows,
      long durationNanos,
      long endNanos,
      boolean isError,
      @Nullable String errorCode,
      int batchSize) {
    if (TraceContext.isSuppressed()) {
      return;
    }
    try {
      Shapes.Statement shape =
          Shapes.statement(vendor, database, operation, target, query, queryHash);
      putPart(
          Slots.ofStatement(isError, batchSize),
          TraceContext.current(),
          shape.number(),
          shape,
          rows,
          durationNanos,
          errorCode == null ? null : Shapes.boundedWord(errorCode),
          endNanos);
    } catch (Throwable t) {
      faults.count("emitter", t);
    }
  }

  /** Looks after the open requests of this listener too. */
  public void watch(ListenerScope listener) {
    digest.watch(listener);
  }

  /**
   * Adds a sink, which gets every event that is published from now on.
   *
   * @param settings of the sink's own collector
   */
  public void addSink(
      Sink<? super Event> sink, UnaryOperator<AsyncCollector.Builder<Event>> settings) {
    digest.add(new SinkFeed(sink, settings));
  }

  /**
   * Digests what waits, then closes every sink; returns within the timeout.
   *
   * <p>What there was no time for is counted. Closing again has no effect.
   */
  public void close(Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    digest.close(deadline);
    closeSinks(deadline);
  }

  /** All at the same time, so that one that hangs takes nothing from the others' time. */
  private void closeSinks(long deadlineNanos) {
    List<Thread> closers = new ArrayList<>();
    for (SinkFeed feed : digest.feeds()) {
      Runnable close = () -> feed.close(left(deadlineNanos));
      Thread closer = new Thread(null, close, "sonde-close", 0, false);
      closer.setDaemon(true);
      closer.start();
      closers.add(closer);
    }
    boolean interrupted = false;
    for (Thread closer : closers) {
      while (closer.isAlive()) {
        try {
          closer.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Duration left(long deadlineNanos) {
    return Duration.ofNanos(Math.max(0, deadlineNanos - System.nanoTime()));
  }

  /** Requests that can be looked at one by one. */
  public RecentRequests recent() {
    return recent.snapshot(clock.nanoTime());
  }

  /** What has ended since an earlier look; see {@link RecentStore#news}. */
  public RecentNews news(long endedCount, int most) {
    return recent.news(endedCount, most);
  }

  /** The request with this number, or null if it is not kept any more. */
  public @Nullable RecentRequest find(long requestId) {
    return recent.find(requestId);
  }

  /** Both clocks at one recent moment, read again every second. */
  public ClockAnchor anchor() {
    return digest.anchor();
  }

  /** Where every record has gone. */
  public PipelineCounts counts() {
    return digest.counts(tally.excluded());
  }

  /** Where every event has gone, by sink. */
  public List<SinkHealth> sinks() {
    return digest.feeds().stream().map(SinkFeed::health).toList();
  }

  /** How long ago the background thread last looked at the queue. */
  public long lagNanos() {
    return digest.lagNanos();
  }

  /** What one record costs its thread: median of the last samples, 0 before the first. */
  public long nanosPerRecord() {
    return cost.medianNanos();
  }

  /**
   * Bytes that one record makes its thread and the background threads allocate: means of the last
   * samples and seconds; -1 before the first or if unknown.
   */
  public double bytesPerRecord() {
    double own = cost.meanBytes();
    double background = digest.threads().bytesPerRecord();
    return own < 0 || background < 0 ? -1 : own + background;
  }

  /** Processor time of the observer's threads per elapsed time, -1 if unknown. */
  public double cpuRatio() {
    return digest.threads().cpuRatio();
  }

  /** Failures of the observer itself, by kind. */
  public SortedMap<String, Long> faults() {
    return faults.counts();
  }

  /**
   * What each part holds, now and at most.
   *
   * @param errorsMax kinds of error that are kept
   * @param sinkQueueSize events that can wait for one sink
   */
  public List<MemoryPart> memory(int errorsMax, int sinkQueueSize) {
    long waiting = sinks().stream().mapToLong(SinkHealth::queueDepth).sum();
    long errorBytes = errors.snapshot().kinds().stream().mapToLong(Pipeline::bytesOf).sum();
    return List.of(
        new MemoryPart("queue", ring.heldSlots() * SLOT_BYTES, ring.maxHeldSlots() * SLOT_BYTES),
        new MemoryPart("statistics", stats.memoryBytes(), stats.memoryBoundBytes()),
        new MemoryPart("recent requests", recent.memoryBytes(), recent.memoryBoundBytes()),
        new MemoryPart("errors", errorBytes, errorsMax * MAX_ERROR_BYTES),
        new MemoryPart("names", Shapes.heldBytes(), Shapes.BOUND_BYTES),
        new MemoryPart(
            "sink queues",
            waiting * EVENT_BYTES,
            EVENT_BYTES * sinkQueueSize * digest.feeds().size()));
  }

  private static long bytesOf(ErrorSnapshot.Kind kind) {
    String message = kind.message();
    int chars = kind.type().length() + kind.where().length() + kind.stack().length();
    return ERROR_BYTES + 2L * (chars + (message == null ? 0 : message.length()));
  }
}
