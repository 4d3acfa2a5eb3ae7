// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.capture.RequestPath;
import dev.sonde.capture.Upgrade;
import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotReader;
import dev.sonde.collect.SondeThread;
import dev.sonde.event.Event;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.recent.RecentStore;
import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.stats.ErrorRing;
import dev.sonde.stats.GroupHandle;
import dev.sonde.stats.StatsStore;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import dev.sonde.trace.TraceContext;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The background thread: takes records from the ring, keeps what views ask for, and hands the
 * events of those that the sampling policy keeps to every sink.
 *
 * <p>Nothing that is thrown on it ends it.
 */
final class Digest {
  /** Records taken at a time. */
  private static final int BATCH = 256;

  /** It looks this often at least while records come. */
  private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** It looks this often while none came since the last look; who reads wakes it up. */
  private static final long IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private static final long TICK_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /** Longer than any writer is preempted; a reader prefers statistics that miss one to none. */
  private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Scans after which a request that was announced, and is gone, has lost its record. */
  private static final int SCANS_REMEMBERED = 4;

  private final SegmentRing ring;

  /**
   * So many waiting records wake this thread up, which costs the one that puts the last a call of
   * the system.
   */
  private final int wakeUpAt;

  /** So many are to wait when this thread looks by itself, before it is woken up. */
  private final int aim;

  private final Tally tally;
  private final StatsStore stats;
  private final ErrorRing errors;
  private final SamplingPolicy policy;
  private final boolean keepsAll;
  private final RecentStore recent;
  private final Faults faults;
  private final MonotonicClock clock;
  private final long announceAfterNanos;
  private final Thread thread;
  private final CountDownLatch terminated = new CountDownLatch(1);
  private final ThreadMeter threads = new ThreadMeter();

  private final List<ListenerScope> listeners = new CopyOnWriteArrayList<>();
  private final List<SinkFeed> feeds = new CopyOnWriteArrayList<>();

  private final AtomicLong sampledOut = new AtomicLong();
  private final AtomicLong kept = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong published = new AtomicLong();

  /** Records that were read, and so are in the statistics, whatever has become of them. */
  private final AtomicLong counted = new AtomicLong();

  private volatile ClockAnchor anchor;
  private volatile long drainedNanos;
  private final Object settled = new Object();

  /** Readers that wait until what was put before they came is digested. */
  private final AtomicInteger settling = new AtomicInteger();

  private volatile boolean isClosing;
  private volatile boolean isAbandoned;

  // The thread's own.
  private final long[] longs = new long[BATCH * Slots.ROW_LONGS];
  private final @Nullable Object[] refs = new @Nullable Object[BATCH * Slots.REFS];
  private final SlotReader copier = this::copy;
  private final EventBuilder record;
  private int copied;

  /** Whether anybody takes events; none is made otherwise but of failures. */
  private boolean hasSinks;

  private long lookedNanos;
  private long countedBefore;
  private long tickNanos;
  private long scanNanos;
  private int scans;

  /** Requests whose start was published before their end, with the last scan that saw them. */
  private final Map<Long, Integer> announced = new HashMap<>();

  Digest(
      Pipeline.Config config,
      SegmentRing ring,
      Tally tally,
      StatsStore stats,
      ErrorRing errors,
      SamplingPolicy policy,
      RecentStore recent,
      Faults faults,
      MonotonicClock clock) {
    this.ring = ring;
    wakeUpAt = Math.max(1, config.queueSize() / 2);
    aim = Math.max(1, config.queueSize() * 3 / 8);
    this.tally = tally;
    this.stats = stats;
    this.errors = errors;
    this.policy = policy;
    this.keepsAll = policy.keepsAll();
    this.recent = recent;
    this.faults = faults;
    this.clock = clock;
    this.announceAfterNanos = config.announceAfter().toNanos();
    record =
        new EventBuilder(longs, refs, config.keepsErrorMessages(), config.masksClientAddresses());
    anchor = ClockAnchor.take(clock);
    drainedNanos = clock.nanoTime();
    lookedNanos = drainedNanos;
    tickNanos = drainedNanos;
    scanNanos = drainedNanos;
    thread = new SondeThread("sonde-digest", this::run);
  }

  void start() {
    thread.start();
  }

  void watch(ListenerScope listener) {
    listeners.add(listener);
  }

  /** Adds a sink, which gets all that is published from now on. */
  void add(SinkFeed feed) {
    // Under the same lock as publishing, so that what was published before is an exact number.
    synchronized (feeds) {
      feed.startsAfter(published.get());
      feeds.add(feed);
    }
  }

  List<SinkFeed> feeds() {
    return feeds;
  }

  ClockAnchor anchor() {
    return anchor;
  }

  /** What this thread and those of the sinks take. */
  ThreadMeter threads() {
    return threads;
  }

  /** How long ago the thread last looked at the ring. */
  long lagNanos() {
    return Math.max(0, clock.nanoTime() - drainedNanos);
  }

  /** Waits until all that was put before is digested or dropped, but not for long. */
  void settle() {
    SegmentRing.Counts counts = ring.counts();
    long target = counts.offered();
    if (isOver() || Thread.currentThread() == thread || disposed(counts) >= target) {
      return;
    }
    long deadline = System.nanoTime() + SETTLE_NANOS;
    boolean interrupted = false;
    settling.incrementAndGet();
    LockSupport.unpark(thread);
    synchronized (settled) {
      long left = SETTLE_NANOS;
      while (left > 0 && !isOver() && disposed(ring.counts()) < target) {
        try {
          TimeUnit.NANOSECONDS.timedWait(settled, left);
        } catch (InterruptedException e) {
          interrupted = true;
        }
        left = deadline - System.nanoTime();
      }
    }
    settling.decrementAndGet();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private long disposed(SegmentRing.Counts counts) {
    return counts.dropped() + counted.get();
  }

  private boolean isOver() {
    return isAbandoned || terminated.getCount() == 0;
  }

  private void tellSettled() {
    if (settling.get() > 0) {
      synchronized (settled) {
        settled.notifyAll();
      }
    }
  }

  /** Requests that have begun and not ended. */
  long openRequests() {
    long open = 0;
    for (ListenerScope listener : listeners) {
      for (ConnectionState connection : listener.openConnections()) {
        open += connection.openRequests();
      }
    }
    return open;
  }

  /** Streams that are open now and not excluded, by kind. */
  Map<StreamKind, Long> openStreams() {
    Map<StreamKind, Long> open = new EnumMap<>(StreamKind.class);
    for (ListenerScope listener : listeners) {
      for (ConnectionState connection : listener.openConnections()) {
        Upgrade upgrade = connection.upgrade();
        if (upgrade != null) {
          if (!upgrade.isExcluded()
              && !connection.isClosed()
              && !policy.excludes(
                  RequestPath.withoutParameters(upgrade.target()), upgrade.route())) {
            open.merge(upgrade.kind(), 1L, Long::sum);
          }
        } else {
          connection.visitOpenRequests(
              exchange -> {
                StreamKind kind = exchange.stream();
                if (kind != null
                    && !exchange.isSuppressed()
                    && !policy.excludes(exchange.path(), exchange.route())) {
                  open.merge(kind, 1L, Long::sum);
                }
              });
        }
      }
    }
    return open;
  }

  /** All counts at one moment; {@code excluded} requests are told by whoever excluded them. */
  PipelineCounts counts(long excluded) {
    // What has been digested is read first, so that what waits is never less than nothing.
    boolean isOver = isOver();
    long out = sampledOut.get();
    long in = kept.get();
    long bad = failed.get();
    long events = published.get();
    SegmentRing.Counts queue = ring.counts();
    long digested = out + in + bad;
    long waiting = queue.offered() - queue.dropped() - digested;
    return new PipelineCounts(
        queue.offered() + queue.refused(),
        excluded,
        queue.dropped(),
        queue.refused() + (isOver ? waiting : 0),
        isOver ? 0 : waiting,
        digested,
        out,
        in,
        bad,
        events);
  }

  /** Digests what waits and ends the thread; returns when it has, or at the deadline. */
  void close(long deadlineNanos) {
    listeners.forEach(ListenerScope::sweep);
    ring.seal();
    isClosing = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          long left = deadlineNanos - System.nanoTime();
          if (!terminated.await(left, TimeUnit.NANOSECONDS)) {
            isAbandoned = true;
            // What is left still counts in the statistics.
            ring.discard();
          }
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

  private void run() {
    try (TraceContext.Scope ignored = TraceContext.suppress()) {
      while (!isClosing) {
        survive(this::work);
      }
      while (!isAbandoned && ring.depth() > 0) {
        survive(this::finish);
      }
      survive(this::releaseAll);
      survive(faults::logNew);
    } finally {
      terminated.countDown();
      tellSettled();
    }
  }

  private void survive(Runnable step) {
    try {
      step.run();
    } catch (Throwable t) {
      faults.count("digest", t);
      LockSupport.parkNanos(this, PAUSE_NANOS);
    }
  }

  private void work() {
    if (drain() < BATCH) {
      tick();
      if (settling.get() == 0) {
        ring.await(untilNextLook(), wakeUpAt);
      } else {
        // A writer was preempted in the middle of its slot.
        ring.await(PAUSE_NANOS, 1);
      }
    }
  }

  /** At the rate since the last look. */
  private long untilNextLook() {
    long elapsed = drainedNanos - lookedNanos;
    long records = counted.getPlain() - countedBefore;
    lookedNanos = drainedNanos;
    countedBefore = counted.getPlain();
    if (records == 0) {
      return IDLE_NANOS;
    }
    double nanos = (double) elapsed * aim / records;
    return Math.min(Math.max((long) nanos, PAUSE_NANOS), INTERVAL_NANOS);
  }

  private void finish() {
    if (drain() == 0) {
      // A writer was preempted in the middle of its slot.
      LockSupport.parkNanos(this, PAUSE_NANOS);
    }
  }

  private int drain() {
    long now = clock.nanoTime();
    copied = 0;
    try {
      ring.drain(BATCH, now, copier);
      synchronized (feeds) {
        recent.beginBatch();
        try {
          hasSinks = !feeds.isEmpty();
          for (int i = 0; i < copied; i++) {
            digest(i);
          }
        } finally {
          recent.endBatch();
        }
      }
    } finally {
      Arrays.fill(refs, 0, copied * Slots.REFS, null);
    }
    add(counted, copied);
    drainedNanos = now;
    tellSettled();
    if (now - tickNanos >= TICK_NANOS) {
      tickNanos = now;
      everySecond(now);
    }
    return copied;
  }

  private void copy(long time, long[] from, int l, @Nullable Object[] fromRefs, int r) {
    int row = copied * Slots.ROW_LONGS;
    System.arraycopy(from, l, longs, row, Slots.LONGS);
    longs[row + Slots.TIME] = time;
    System.arraycopy(fromRefs, r, refs, copied * Slots.REFS, Slots.REFS);
    copied++;
  }

  private void digest(int index) {
    record.select(index);
    try {
      record.complete();
      GroupHandle group = record.count(tally);
      if (isAbandoned) {
        return;
      }
      switch (record.kind()) {
        case Slots.EXCHANGE, Slots.REQUEST -> {
          if (group == null) {
            digestExcluded();
          } else {
            digestRequest(group);
          }
        }
        case Slots.FUNCTION, Slots.DATABASE -> digestPart();
        case Slots.OPENED -> keep(record.opened());
        case Slots.CLOSED -> keep(record.closed());
        default -> throw new IllegalStateException("kind " + record.kind());
      }
    } catch (Throwable t) {
      // One record is lost, never its batch.
      add(failed, 1);
      faults.count("record", t);
    }
  }

  private void keep(LifecycleEvent event) {
    publish(event);
    add(kept, 1);
  }

  private void digestRequest(GroupHandle route) {
    if (record.isFailure()) {
      errors.record(record.request(1));
    }
    boolean isAnnounced = isAnnounced();
    double weight = keepsAll ? 1 : record.weightOfRequest(policy);
    if (isAnnounced && weight == SamplingPolicy.DROP) {
      weight = 1;
    }
    List<ProfileEvent> parts = recent.end(record, route, weight);
    boolean isPublished = weight > 0 && hasSinks;
    if (isPublished && !isAnnounced && record.kind() == Slots.EXCHANGE) {
      publish(record.started());
    }
    for (int i = 0; i < parts.size(); i++) {
      ProfileEvent part = parts.get(i);
      settle(part, policy.weightOf(part.isError(), weight));
    }
    settleExcess();
    if (weight <= 0) {
      add(sampledOut, 1);
      return;
    }
    if (isPublished) {
      LifecycleEvent ended = record.kind() == Slots.EXCHANGE ? record.ended() : null;
      if (ended != null) {
        publish(ended);
      }
      publish(record.request(weight));
    } else {
      add(published, record.events() - (isAnnounced ? 1 : 0));
    }
    add(kept, 1);
  }

  private boolean isAnnounced() {
    return !announced.isEmpty() && announced.remove(record.requestId()) != null;
  }

  /** A request that is excluded, after calls and statements within it were reported. */
  private void digestExcluded() {
    int dropped = recent.release(record.spanId()).size();
    add(sampledOut, 1 + dropped);
  }

  private void digestPart() {
    if (record.isFailure()) {
      errors.record(record.part());
    }
    int group = recent.add(record, !keepsAll);
    if (group == RecentStore.NONE) {
      double weight = keepsAll ? 1 : record.weightOfOrphan(policy);
      List<ProfileEvent> released = recent.release(record.localRootSpanId());
      // By index: mostly there are none, and an iterator would be made for that.
      for (int i = 0; i < released.size(); i++) {
        ProfileEvent inner = released.get(i);
        settle(inner, policy.weightOf(inner.isError(), weight));
      }
      settlePart(weight);
    } else if (keepsAll) {
      settlePart(1);
    } else if (recent.hasEnded(group)) {
      settlePart(policy.weightOf(record.isFailure(), recent.weight(group)));
    }
    settleExcess();
  }

  /** Of the record itself. */
  private void settlePart(double weight) {
    if (hasSinks && weight > 0) {
      settle(record.part(), weight);
    } else if (weight > 0) {
      add(published, 1);
      add(kept, 1);
    } else {
      add(sampledOut, 1);
    }
  }

  private void settleExcess() {
    List<ProfileEvent> excess = recent.releaseExcess();
    while (excess != null) {
      settleOrphans(excess);
      excess = recent.releaseExcess();
    }
  }

  private void releaseAll() {
    synchronized (feeds) {
      recent.beginBatch();
      try {
        List<ProfileEvent> orphans = recent.releaseOldest();
        while (orphans != null) {
          settleOrphans(orphans);
          orphans = recent.releaseOldest();
        }
      } finally {
        recent.endBatch();
      }
    }
  }

  private void settleOrphans(List<ProfileEvent> orphans) {
    for (ProfileEvent orphan : orphans) {
      settle(orphan, policy.weightOfOrphan(orphan));
    }
  }

  private void settle(ProfileEvent event, double weight) {
    if (weight > 0) {
      publish(EventBuilder.weighted(event, weight));
      add(kept, 1);
    } else {
      add(sampledOut, 1);
    }
  }

  /** Without an atomic operation: this thread is the only one that writes. */
  private static void add(AtomicLong count, int more) {
    count.setRelease(count.getPlain() + more);
  }

  private void publish(Event event) {
    add(published, 1);
    for (SinkFeed feed : feeds) {
      feed.offer(event);
    }
  }

  private void tick() {
    long now = clock.nanoTime();
    if (now - scanNanos >= announceAfterNanos) {
      scanNanos = now;
      announceOpenRequests(now);
    }
  }

  private void everySecond(long now) {
    anchor = ClockAnchor.take(clock);
    listeners.forEach(ListenerScope::sweep);
    stats.roll();
    threads.measure(now, counted.getPlain());
    feeds.forEach(SinkFeed::watch);
    faults.logNew();
  }

  /**
   * Publishes the start of every request that has been open for a while, so that an archive tells
   * of it even if the process dies before its end.
   *
   * <p>Only where the policy keeps all: else its end decides.
   */
  private void announceOpenRequests(long now) {
    if (!keepsAll) {
      return;
    }
    scans++;
    synchronized (feeds) {
      for (ListenerScope listener : listeners) {
        for (ConnectionState connection : listener.openConnections()) {
          connection.visitOpenRequests(exchange -> announce(exchange, now));
        }
      }
    }
    // A request that is gone for some scans, each after a drain of its own, and whose record has
    // not come, has lost it to overload.
    announced.values().removeIf(lastSeen -> scans - lastSeen > SCANS_REMEMBERED);
  }

  private void announce(Exchange exchange, long now) {
    // Asked after the drain: a request whose record was digested is not open any more.
    RequestStarted start = exchange.startIfOpen();
    if (start == null || now - start.timestampNanos() < announceAfterNanos) {
      return;
    }
    if (policy.excludes(start.path(), exchange.route())) {
      return;
    }
    boolean isNew = announced.put(start.requestId(), scans) == null;
    if (isNew) {
      publish(
          new RequestStarted(
              start.connectionId(),
              start.workerId(),
              start.requestId(),
              start.streamId(),
              Shapes.boundedWord(start.method()),
              Shapes.boundedName(start.path()),
              Shapes.boundedWord(start.httpVersion()),
              start.timestampNanos()));
    }
  }
}
