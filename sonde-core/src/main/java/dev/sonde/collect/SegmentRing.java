// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A bounded hand-over from any number of threads to one consumer, which drops the oldest.
 *
 * <p>Of all events put, the newest {@code capacity} that were not taken yet are kept. A producer
 * never waits, takes no lock and allocates nothing below capacity. Order: events of one thread stay
 * in order; events of different threads come out by their timestamps, so an event that was put
 * after another one had been put comes out after it.
 */
public final class SegmentRing {
  /*
   * Producers are spread over stripes by thread id. A stripe is a chain of segments, newest first;
   * a producer claims a slot of the newest segment with one getAndAdd, writes it, and publishes it
   * with one release store of the slot's time.
   *
   * Unique slot: getAndAdd gives each index of a segment to one thread, and a Segment object is
   * never used twice, so there is no wrap-around to be lapped by; only its arrays are used again.
   * No torn read: the reader reads a slot only after it has acquired its time, which is the
   * claimant's last write.
   * No write after reuse: arrays are used again only if every claimed slot is published and the
   * claim stands past the end, so nobody can still write through the old Segment. Otherwise they
   * are left to the garbage collector: a frozen writer costs one segment, and nobody waits for it.
   * Exactly once: each claim lies in one segment; each segment is owned once, by a CAS, either by
   * the consumer, who detaches a chain with one swap, or by the producer who cuts the chain's tail
   * when it is longer than the capacity. 'rel' counts the segments ever put behind a segment since
   * the consumer's last swap, cut ones included, so the number of claims, hence of drops, is
   * derived from indices and cannot drift.
   * Told of every drop: a published slot goes to the reader or to onDrop by the one who owns its
   * segment at that time, and its time is then made void. Who cuts a chain answers for all behind
   * the cut that nobody owns yet; so does the consumer for all up to the first cut one. A segment
   * that is given up under a writer waits in limbo, where again one thread at a time has it, until
   * that writer has published.
   * Drop-oldest: a cut leaves at least the newest 'capacity' of a stripe; the consumer drops what
   * is still too much over all stripes by time.
   * Progress: no loop waits for another thread; a put tries again only after a whole segment of
   * other puts succeeded.
   *
   * The consumer's side is under a lock that no producer takes, so that counts are exact while it
   * drains and anybody can seal the ring when the consumer hangs in a sink.
   */

  /** Puts so far, in one consistent reading: {@code offered = taken + dropped + depth}. */
  public record Counts(long offered, long taken, long dropped, int depth, long refused) {}

  /** How long the merge waits for a preempted writer before it passes over its stripe. */
  static final long GRACE_NANOS = 20_000_000;

  /** How long a slot may stay claimed and unpublished before it is given up and counted dropped. */
  static final long FROZEN_NANOS = 1_000_000_000;

  /** Answer of {@link #claim}: the segment has no slot left. */
  public static final int FULL = -1;

  /** Answer of {@link #claim}: the ring is sealed. */
  public static final int REFUSED = -2;

  private static final VarHandle CLAIM;
  private static final VarHandle OWNER;
  private static final VarHandle CURRENT;
  private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
  private static final VarHandle STRIPE = MethodHandles.arrayElementVarHandle(Stripe[].class);

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      CLAIM = lookup.findVarHandle(Segment.class, "claim", long.class);
      OWNER = lookup.findVarHandle(Segment.class, "owner", int.class);
      CURRENT = lookup.findVarHandle(Stripe.class, "current", Segment.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Added to the claim of a detached segment; no number of further claims reaches back below. */
  private static final long CLOSED = 1L << 62;

  /** The time of a slot that was cancelled, or read. */
  private static final long VOID = Long.MIN_VALUE;

  private static final int SEALED = -1;

  private static final int FREE = 0;
  private static final int PRODUCER = 1;
  private static final int CONSUMER = 2;

  private static final int EMPTY = 0;
  private static final int IN_FLIGHT = 1;
  private static final int PUBLISHED = 2;

  private final int capacity;
  private final int stride;
  private final int refsPerSlot;
  private final int segmentSize;
  private final int keptSegments;
  private final @Nullable Drops drops;
  private final @Nullable Stripe[] stripes;
  private final int stripeShift;
  private final AtomicReferenceArray<@Nullable Segment> pool;
  private final LongAdder refused = new LongAdder();
  private final LongAdder exhausted = new LongAdder();
  private volatile @Nullable Thread parked;

  private final ReentrantLock consumerLock = new ReentrantLock();
  // Under consumerLock.
  private long detached;
  private long taken;
  private long dropped;
  private long watermark;
  private boolean sealed;

  /** Creates a ring for many producers. */
  public SegmentRing(int capacity, int longs, int refs) {
    this(capacity, longs, refs, null);
  }

  /** Creates a ring for many producers that tells {@code onDrop} of what it drops. */
  public SegmentRing(int capacity, int longs, int refs, @Nullable SlotReader onDrop) {
    this(capacity, longs, refs, defaultStripes(), defaultSegmentSize(capacity), onDrop);
  }

  /** Creates a ring that tells nobody of what it drops. */
  public SegmentRing(int capacity, int longs, int refs, int stripes, int segmentSize) {
    this(capacity, longs, refs, stripes, segmentSize, null);
  }

  /**
   * Creates a ring.
   *
   * @param capacity how many events are kept, at least 1
   * @param longs primitives per slot
   * @param refs references per slot
   * @param stripes a power of two; with 1, order over all threads is exact and timestamps mean
   *     nothing
   * @param segmentSize slots per segment, at least 1
   * @param onDrop reads each event that was put and is not handed to the consumer's reader, once;
   *     called by producers and by the consumer, by several at once and in any order. It must not
   *     put into this ring; what it throws is counted, see {@link #dropFaults()}
   */
  public SegmentRing(
      int capacity,
      int longs,
      int refs,
      int stripes,
      int segmentSize,
      @Nullable SlotReader onDrop) {
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity must be >= 1, was " + capacity);
    }
    if (Integer.bitCount(stripes) != 1) {
      throw new IllegalArgumentException("stripes must be a power of two, was " + stripes);
    }
    this.capacity = capacity;
    this.stride = 1 + longs;
    this.refsPerSlot = refs;
    this.segmentSize = segmentSize;
    this.keptSegments = (capacity - 1) / segmentSize + 1;
    this.stripes = new Stripe[stripes];
    this.stripeShift = Long.SIZE - 1 - Integer.numberOfTrailingZeros(stripes);
    this.pool = new AtomicReferenceArray<>(keptSegments + stripes + 1);
    this.drops = onDrop == null ? null : new Drops(onDrop, stride, refsPerSlot);
  }

  /** At least 8, so that two busy threads seldom meet; a stripe costs nothing before its use. */
  public static int defaultStripes() {
    int wanted = Math.min(Math.max(2 * Runtime.getRuntime().availableProcessors(), 8), 32);
    return Integer.highestOneBit(2 * wanted - 1);
  }

  /** An eighth of the capacity within [8, 256], and never more than 64 segments to a chain. */
  public static int defaultSegmentSize(int capacity) {
    return Math.max(Math.min(Math.max(capacity / 8, 8), 256), (capacity - 1) / 64 + 1);
  }

  /**
   * Puts one event; never blocks and never throws.
   *
   * @param timestampNanos when it happened, read before this call
   * @return false if it was not taken: the ring is sealed (it counts as refused), or memory is
   *     short or the encoder threw (it counts as offered and dropped)
   */
  public <E> boolean put(SlotEncoder<? super E> encoder, E source, long timestampNanos) {
    boolean isClaimed = false;
    try {
      Segment segment;
      int slot;
      do {
        segment = newest();
        slot = claim(segment);
      } while (slot == FULL);
      if (slot == REFUSED) {
        return false;
      }
      isClaimed = true;
      try {
        encoder.encode(source, segment.longs, longOf(slot), segment.refs, refOf(slot));
      } catch (Throwable e) {
        cancel(segment, slot);
        return false;
      }
      publish(segment, slot, timestampNanos);
      return true;
    } catch (Throwable memoryOrStackExhausted) {
      // A claim counts by itself: its slot stays unpublished and is given up.
      if (!isClaimed) {
        countExhausted();
      }
      return false;
    }
  }

  /*
   * The parts of a put, for who has the event in variables: an object that holds them for an
   * encoder is allocated wherever the compiler did not inline all of the put.
   */

  /** The segment in which the calling thread may {@link #claim} a slot. */
  public Segment newest() {
    return stripe().current;
  }

  /** A segment with one slot, which belongs to the caller and not to the ring. */
  public Segment spare() {
    return new Segment(new long[stride], new @Nullable Object[refsPerSlot]);
  }

  /**
   * Claims a slot, which counts as offered from then on.
   *
   * <p>What this and {@link #newest} throw where memory or stack is short is to be told to {@link
   * #countExhausted}.
   *
   * @return the slot, to be written and then {@linkplain #publish published}; or {@link #FULL}: ask
   *     for the newest segment again; or {@link #REFUSED}. A slot that is neither published nor
   *     {@linkplain #cancel cancelled} is given up after a second, and what its stripe got after it
   *     waits as long.
   */
  public int claim(Segment segment) {
    long index = (long) CLAIM.getAndAdd(segment, 1L);
    return index < segmentSize ? (int) index : claimNone(segment, index);
  }

  private int claimNone(Segment segment, long index) {
    if (segment.rel == SEALED) {
      refused.increment();
      return REFUSED;
    }
    if (index < CLOSED) {
      rollOver(stripe(), segment);
    }
    return FULL;
  }

  /** Where the primitives of a slot begin in {@link Segment#longs()}. */
  public int longOf(int slot) {
    return slot * stride + 1;
  }

  /** Where the references of a slot begin in {@link Segment#refs()}. */
  public int refOf(int slot) {
    return slot * refsPerSlot;
  }

  /**
   * Publishes a slot that was claimed and written.
   *
   * @param timestampNanos when the event happened, read before the claim
   */
  public void publish(Segment segment, int slot, long timestampNanos) {
    boolean isNoTime = timestampNanos == 0 || timestampNanos == VOID;
    release(segment, slot, isNoTime ? timestampNanos + 1 : timestampNanos);
  }

  /** Gives up a slot that was claimed and not published, which then counts as dropped. */
  public void cancel(Segment segment, int slot) {
    release(segment, slot, VOID);
  }

  private void release(Segment segment, int slot, long time) {
    WORD.setRelease(segment.longs, slot * stride, time);
    if (slot == segment.signalAt) {
      try {
        signal();
      } catch (Throwable stackExhausted) {
        // It is published, whatever happens now; the consumer finds it when its time is over.
      }
    }
  }

  /** Counts an event for which there was no memory or no stack, as offered and dropped. */
  public void countExhausted() {
    try {
      exhausted.increment();
    } catch (Throwable stackExhausted) {
      // Neither offered nor counted; the caller still learns it from the result.
    }
  }

  /**
   * Hands the oldest events to {@code reader}; for the consumer.
   *
   * <p>An event counts as taken before the reader sees it, whether or not the reader then throws.
   *
   * @param max how many at most
   * @param nowNanos the time before this call, of the clock that gave the timestamps
   * @return how many; 0 if there are none, or if all there are wait for a writer in mid-put
   */
  public int drain(int max, long nowNanos, SlotReader reader) {
    consumerLock.lock();
    try {
      if (drops != null) {
        drops.sweep();
      }
      int count;
      long droppedBefore;
      do {
        droppedBefore = dropped;
        dropExcess(nowNanos);
        count = deliver(max, nowNanos, reader);
        if (count < max) {
          detach(nowNanos);
          dropExcess(nowNanos);
          count += deliver(max - count, nowNanos, reader);
        }
        // Producers may just have pushed out all that was detached: then what they put is there.
      } while (count == 0 && dropped > droppedBefore);
      return count;
    } finally {
      consumerLock.unlock();
    }
  }

  /**
   * Parks the consumer until about {@code events} wait, the time is over, or it is unparked.
   *
   * @return false if it did not park, since as many wait already or the ring is sealed
   */
  public boolean await(long nanos, int events) {
    // An interrupt is nobody's request here, and left set it would turn every park into a spin.
    Thread.interrupted();
    parked = Thread.currentThread();
    boolean parks = arm(events);
    if (parks) {
      LockSupport.parkNanos(this, nanos);
    }
    parked = null;
    return parks;
  }

  /** Refuses all further puts; what is there can still be drained. Any thread, any time. */
  public void seal() {
    consumerLock.lock();
    try {
      sealed = true;
      for (int i = 0; i < stripes.length; i++) {
        Stripe none = new Stripe(Segment.sealed());
        if (!STRIPE.compareAndSet(stripes, i, null, none)) {
          Stripe stripe = existing(i);
          if (stripe.current.rel != SEALED) {
            take(stripe, Segment.sealed());
          }
        }
      }
    } finally {
      consumerLock.unlock();
    }
  }

  /**
   * Takes all that is left of a sealed ring, unread by the consumer, writers in mid-put included.
   */
  public int discard() {
    consumerLock.lock();
    try {
      int depth = counts().depth();
      dropped = detached - taken - depth;
      taken += depth;
      for (int i = 0; i < stripes.length; i++) {
        Stripe stripe = existing(i);
        for (Segment head = stripe.head; head != null; head = stripe.head) {
          finish(stripe, head);
        }
      }
      return depth;
    } finally {
      consumerLock.unlock();
    }
  }

  /** Events put and neither taken nor dropped. */
  public int depth() {
    return counts().depth();
  }

  /** One consistent reading of all counts; monotonic, and exact while no put is under way. */
  public Counts counts() {
    consumerLock.lock();
    try {
      long offered = detached + live();
      long waiting = offered - taken - dropped;
      int depth = (int) Math.min(waiting, capacity);
      long lost = exhausted.sum();
      return new Counts(
          offered + lost, taken, dropped + waiting - depth + lost, depth, refused.sum());
    } finally {
      consumerLock.unlock();
    }
  }

  /** Slots that there is memory for now, used or free; close to that while puts are under way. */
  public long heldSlots() {
    long segments = 0;
    consumerLock.lock();
    try {
      for (int i = 0; i < stripes.length; i++) {
        Stripe stripe = existing(i);
        if (stripe != null) {
          for (Segment live = stripe.current; live != null; live = live.prev) {
            segments += live.rel == SEALED ? 0 : 1;
          }
          for (Segment pending = stripe.head; pending != null; pending = pending.newer) {
            segments++;
          }
        }
      }
    } finally {
      consumerLock.unlock();
    }
    for (int i = 0; i < pool.length(); i++) {
      segments += pool.getPlain(i) == null ? 0 : 1;
    }
    return segments * segmentSize;
  }

  /**
   * Slots that there is memory for at most while no writer stands still in mid-put: each stripe can
   * hold its whole capacity, and as much again that the consumer has detached and not read yet.
   *
   * <p>As long as one does, for a second at most, each drain may detach a segment of each stripe
   * that cannot be read yet, however few slots of it are used. Then as many segments as the ring's
   * capacity may come on top, as each holds at least one event that is kept; and those of which
   * writers were preempted, until these have published.
   */
  public long maxHeldSlots() {
    return (2L * stripes.length * (keptSegments + 1) + pool.length()) * segmentSize;
  }

  /**
   * Drops of which {@code onDrop} was not told: it threw, or more than 1,024 segments were given up
   * under writers in mid-put.
   */
  public long dropFaults() {
    return drops == null ? 0 : drops.faults.sum();
  }

  private Stripe stripe() {
    // Fibonacci hashing: the top bits spread consecutive ids evenly. One bit is shifted first, as
    // a shift by 64 would be a shift by 0.
    long hash = Thread.currentThread().getId() * 0x9E3779B97F4A7C15L;
    int index = (int) (hash >>> 1 >>> stripeShift);
    Stripe stripe = (Stripe) STRIPE.getAcquire(stripes, index);
    return stripe != null ? stripe : newStripe(index);
  }

  private Stripe newStripe(int index) {
    STRIPE.compareAndSet(stripes, index, null, new Stripe(takeSegment()));
    return existing(index);
  }

  private Stripe existing(int index) {
    return (Stripe) STRIPE.getVolatile(stripes, index);
  }

  private void signal() {
    Thread consumer = parked;
    if (consumer != null) {
      parked = null;
      LockSupport.unpark(consumer);
    }
  }

  /** Puts a new segment before a full one and cuts what no reader can want any more. */
  private void rollOver(Stripe stripe, Segment full) {
    if (stripe.current != full) {
      return;
    }
    Segment next = takeSegment();
    next.prev = full;
    next.rel = full.rel + 1;
    next.signalAt = segmentSize - 1;
    if (!CURRENT.compareAndSet(stripe, full, next)) {
      next.prev = null;
      next.rel = 0;
      next.signalAt = 0;
      giveSegment(next);
      return;
    }
    Segment oldestKept = next;
    for (int i = 0; i < keptSegments && oldestKept != null; i++) {
      oldestKept = oldestKept.prev;
    }
    if (oldestKept != null) {
      cut(oldestKept.prev);
      // Not before: if the stack runs out in the middle, the next cut finds what is left.
      oldestKept.prev = null;
    }
  }

  /** Disposes of a segment and, since a producer that rolled over earlier may be late, of older. */
  private void cut(@Nullable Segment newest) {
    Segment segment = newest;
    while (segment != null) {
      Segment older = segment.prev;
      if (OWNER.compareAndSet(segment, FREE, PRODUCER)) {
        segment.limit = segmentSize;
        boolean isOver;
        try {
          isOver = settle(segment);
        } catch (Throwable stackExhausted) {
          segment.owner = FREE;
          throw stackExhausted;
        }
        if (isOver) {
          recycle(segment, /* renewsRefs= */ false);
        }
      }
      segment = older;
    }
  }

  /** Prepares for a wake-up at about {@code events}; false if there is a reason not to sleep. */
  private boolean arm(int events) {
    consumerLock.lock();
    try {
      long pending = detached - taken - dropped;
      int missing = (int) Math.min(Math.max(events - pending, 1), segmentSize);
      for (int i = 0; i < stripes.length; i++) {
        Stripe stripe = existing(i);
        if (stripe != null) {
          stripe.current.signalAt = missing - 1;
        }
      }
      // Read after the signals are set: a producer either claims before this reading, and is seen,
      // or after it, and sees the signal.
      return !sealed && pending + live() < events;
    } finally {
      consumerLock.unlock();
    }
  }

  private long live() {
    long live = 0;
    for (int i = 0; i < stripes.length; i++) {
      Stripe stripe = existing(i);
      if (stripe != null) {
        Segment segment = stripe.current;
        if (segment.rel != SEALED) {
          live += segment.rel * segmentSize + Math.min(segment.claim, segmentSize);
        }
      }
    }
    return live;
  }

  private void detach(long nowNanos) {
    watermark = nowNanos;
    try {
      for (int i = 0; i < stripes.length; i++) {
        Stripe stripe = existing(i);
        if (stripe != null && hasClaims(stripe.current)) {
          take(stripe, takeSegment());
        }
      }
    } catch (OutOfMemoryError e) {
      // What was not detached stays in the ring, and is taken or dropped later.
    }
  }

  /** Not by 'prev': a producer may just have cut the chain behind a segment without claims. */
  private static boolean hasClaims(Segment segment) {
    return segment.rel > 0 || (segment.rel == 0 && segment.claim > 0);
  }

  /** Swaps the stripe's chain for {@code next} and appends it to what is pending. */
  private void take(Stripe stripe, Segment next) {
    Segment newest = (Segment) CURRENT.getAndSet(stripe, next);
    int claimed = (int) Math.min((long) CLAIM.getAndAdd(newest, CLOSED), segmentSize);
    detached += newest.rel * segmentSize + claimed;
    newest.limit = claimed;
    Segment oldest = newest;
    OWNER.setVolatile(newest, CONSUMER);
    // A segment that a producer owns is cut, and with it all behind it, owned or not: taking an
    // older one would drop the newer.
    Segment older = newest.prev;
    while (older != null && OWNER.compareAndSet(older, FREE, CONSUMER)) {
      older.limit = segmentSize;
      older.newer = oldest;
      oldest.prev = null;
      oldest = older;
      older = oldest.prev;
    }
    dropped += oldest.rel * segmentSize;
    if (stripe.tail == null) {
      stripe.head = oldest;
    } else {
      stripe.tail.newer = oldest;
    }
    stripe.tail = newest;
  }

  private int deliver(int max, long nowNanos, SlotReader reader) {
    int count = 0;
    while (count < max) {
      Stripe first = null;
      boolean bounded = false;
      long bound = 0;
      for (int i = 0; i < stripes.length; i++) {
        Stripe stripe = existing(i);
        int state = stripe == null ? EMPTY : lookPastFrozen(stripe, nowNanos);
        if (stripe == null || state == EMPTY) {
          continue;
        }
        if (state == IN_FLIGHT) {
          if (nowNanos - stripe.blockedSince < GRACE_NANOS) {
            return count;
          }
          continue;
        }
        if (isTooNew(stripe)) {
          continue;
        }
        if (first == null) {
          first = stripe;
        } else if (stripe.time - first.time < 0) {
          bound = first.time;
          bounded = true;
          first = stripe;
        } else if (!bounded || stripe.time - bound < 0) {
          bound = stripe.time;
          bounded = true;
        }
      }
      if (first == null) {
        return count;
      }
      do {
        read(first, reader);
        count++;
      } while (count < max
          && look(first) == PUBLISHED
          && !isTooNew(first)
          && (!bounded || first.time - bound <= 0));
    }
    return count;
  }

  private void read(Stripe stripe, SlotReader reader) {
    Segment segment = stripe.headSegment();
    int index = stripe.position++;
    taken++;
    if (drops != null) {
      segment.longs[index * stride] = VOID;
    }
    reader.read(stripe.time, segment.longs, index * stride + 1, segment.refs, index * refsPerSlot);
  }

  /**
   * Whether an event was stamped after the swaps began.
   *
   * <p>One put before it may then still lie in a stripe that was swapped earlier; it waits for the
   * next swap.
   */
  private boolean isTooNew(Stripe stripe) {
    return stripes.length > 1 && !sealed && stripe.time - watermark > 0;
  }

  private int lookPastFrozen(Stripe stripe, long nowNanos) {
    int state = look(stripe);
    while (state == IN_FLIGHT) {
      if (!stripe.blocked) {
        stripe.blocked = true;
        stripe.blockedSince = nowNanos;
      }
      if (nowNanos - stripe.blockedSince < FROZEN_NANOS) {
        return IN_FLIGHT;
      }
      skip(stripe, 1);
      state = look(stripe);
    }
    return state;
  }

  /** Looks at the oldest slot; if it is published, its time is in {@code stripe.time}. */
  private int look(Stripe stripe) {
    while (true) {
      Segment segment = stripe.head;
      if (segment == null) {
        return EMPTY;
      }
      if (stripe.position == segment.limit) {
        finish(stripe, segment);
        continue;
      }
      long time = (long) WORD.getAcquire(segment.longs, stripe.position * stride);
      if (time == 0) {
        return IN_FLIGHT;
      }
      stripe.blocked = false;
      if (time != VOID) {
        stripe.time = time;
        return PUBLISHED;
      }
      skip(stripe, 1);
    }
  }

  private void skip(Stripe stripe, int count) {
    if (drops != null) {
      drops.handOver(stripe.headSegment(), stripe.position, stripe.position + count);
    }
    stripe.position += count;
    stripe.blocked = false;
    dropped += count;
  }

  private void finish(Stripe stripe, Segment segment) {
    stripe.head = segment.newer;
    stripe.position = 0;
    if (stripe.head == null) {
      stripe.tail = null;
    }
    segment.newer = null;
    if (settle(segment)) {
      recycle(segment, /* renewsRefs= */ true);
    }
  }

  private void dropExcess(long nowNanos) {
    long excess = detached + live() - taken - dropped - capacity;
    if (excess > detached - taken - dropped) {
      detach(nowNanos);
      excess = detached + live() - taken - dropped - capacity;
    }
    long left = Math.min(excess, detached - taken - dropped);
    while (left > 0) {
      Stripe oldest = oldestToDrop();
      if (oldest == null) {
        return;
      }
      // With one stripe the oldest are known by index alone.
      Segment segment = oldest.headSegment();
      int run = stripes.length == 1 ? (int) Math.min(left, segment.limit - oldest.position) : 1;
      skip(oldest, run);
      left -= run;
    }
  }

  /**
   * The stripe whose next slot is the oldest; a slot not yet published is as old as its follower.
   */
  private @Nullable Stripe oldestToDrop() {
    Stripe oldest = null;
    Stripe unknown = null;
    for (int i = 0; i < stripes.length; i++) {
      Stripe stripe = existing(i);
      int state = stripe == null ? EMPTY : look(stripe);
      if (stripe == null || state == EMPTY) {
        continue;
      }
      if (state == IN_FLIGHT && !estimateTime(stripe)) {
        unknown = stripe;
      } else if (oldest == null || stripe.time - oldest.time < 0) {
        oldest = stripe;
      }
    }
    return oldest != null ? oldest : unknown;
  }

  private boolean estimateTime(Stripe stripe) {
    Segment segment = stripe.headSegment();
    for (int i = stripe.position + 1; i < segment.limit; i++) {
      long time = (long) WORD.getAcquire(segment.longs, i * stride);
      if (time != 0 && time != VOID) {
        stripe.time = time;
        return true;
      }
    }
    return false;
  }

  /** Tells of what was not read of an owned segment; false if that goes on in limbo. */
  private boolean settle(Segment segment) {
    return drops == null || drops.settle(segment);
  }

  /**
   * Saves the arrays of an owned segment for another one, unless a writer is still in them.
   *
   * @param renewsRefs whether to replace its references by a new array instead of clearing them. A
   *     reference that is stored in a young array costs the garbage collector's barrier neither a
   *     fence nor a card, so the consumer makes it young; a producer allocates no more than the
   *     segment's head
   */
  private void recycle(Segment segment, boolean renewsRefs) {
    long[] longs = segment.longs;
    int claimed = segment.limit;
    for (int i = 0; i < claimed; i++) {
      if ((long) WORD.getAcquire(longs, i * stride) == 0) {
        return;
      }
      longs[i * stride] = 0;
    }
    try {
      @Nullable Object[] refs = segment.refs;
      if (renewsRefs) {
        refs = new @Nullable Object[refs.length];
      } else {
        segment.clear(0, claimed * refsPerSlot);
      }
      giveSegment(new Segment(longs, refs));
    } catch (OutOfMemoryError e) {
      // Then the collector gets the arrays back, which is what it wants.
    }
  }

  private Segment takeSegment() {
    for (int i = 0; i < pool.length(); i++) {
      if (pool.getPlain(i) != null) {
        Segment segment = pool.getAndSet(i, null);
        if (segment != null) {
          return segment;
        }
      }
    }
    return new Segment(
        new long[segmentSize * stride], new @Nullable Object[segmentSize * refsPerSlot]);
  }

  private void giveSegment(Segment unused) {
    for (int i = 0; i < pool.length(); i++) {
      if (pool.getPlain(i) == null && pool.compareAndSet(i, null, unused)) {
        return;
      }
    }
  }

  /** One chain; all but {@code current} belongs to the consumer. */
  private static final class Stripe {
    volatile Segment current;
    @Nullable Segment head;
    @Nullable Segment tail;
    int position;
    long time;
    boolean blocked;
    long blockedSince;

    Stripe(Segment first) {
      current = first;
    }

    Segment headSegment() {
      Segment segment = head;
      if (segment == null) {
        throw new IllegalStateException("nothing is pending");
      }
      return segment;
    }
  }

  /** Keeps the claims of neighbouring segments on cache lines of their own. */
  @SuppressWarnings("unused")
  private abstract static class Padding {
    private long p0, p1, p2, p3, p4, p5, p6;
  }

  /** Slots that are claimed one after another. */
  public static final class Segment extends Padding {
    volatile long claim;
    final long[] longs;
    final @Nullable Object[] refs;
    volatile @Nullable Segment prev;

    @SuppressWarnings("unused") // by name
    volatile int owner;

    volatile int signalAt;
    long rel;

    // The owner's.
    @Nullable Segment newer;
    int limit;

    Segment(long[] longs, @Nullable Object[] refs) {
      this.longs = longs;
      this.refs = refs;
    }

    /** Primitives of all slots; see {@link SegmentRing#longOf}. */
    public long[] longs() {
      return longs;
    }

    /** References of all slots; see {@link SegmentRing#refOf}. */
    public @Nullable Object[] refs() {
      return refs;
    }

    /** Lets go of references; most slots hold none or few, and reading costs less than writing. */
    void clear(int from, int to) {
      for (int i = from; i < to; i++) {
        if (refs[i] != null) {
          refs[i] = null;
        }
      }
    }

    static Segment sealed() {
      Segment segment = new Segment(new long[0], new @Nullable Object[0]);
      segment.claim = CLOSED;
      segment.rel = SEALED;
      return segment;
    }
  }

  /** Tells of drops, and remembers segments that were given up under a writer. */
  private static final class Drops {
    /** Places in limbo, a power of two; each one taken means a preempted or frozen writer. */
    private static final int LIMBO = 1024;

    /** When so many more are there, they are looked at: the consumer may be hanging. */
    private static final int SWEEP_MASK = 16 - 1;

    final LongAdder faults = new LongAdder();
    private final SlotReader onDrop;
    private final int stride;
    private final int refsPerSlot;
    // Who takes a segment out of its place owns it.
    private final AtomicReferenceArray<@Nullable Segment> limbo = new AtomicReferenceArray<>(LIMBO);
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger cursor = new AtomicInteger();

    Drops(SlotReader onDrop, int stride, int refsPerSlot) {
      this.onDrop = onDrop;
      this.stride = stride;
      this.refsPerSlot = refsPerSlot;
    }

    /** Tells of the published slots of an owned segment; returns how many are in flight. */
    int handOver(Segment segment, int from, int to) {
      long[] longs = segment.longs;
      int inFlight = 0;
      for (int i = from; i < to; i++) {
        int word = i * stride;
        long time = (long) WORD.getAcquire(longs, word);
        if (time == 0) {
          inFlight++;
        } else if (time != VOID) {
          longs[word] = VOID;
          try {
            onDrop.read(time, longs, word + 1, segment.refs, i * refsPerSlot);
          } catch (Throwable e) {
            faults.increment();
          }
        }
      }
      return inFlight;
    }

    /** Hands over what is left of an owned segment; false if it went to limbo. */
    boolean settle(Segment segment) {
      if (handOver(segment, 0, segment.limit) == 0) {
        return true;
      }
      forget(segment);
      int count = waiting.incrementAndGet();
      place(segment);
      if ((count & SWEEP_MASK) == 0) {
        sweep();
      }
      return false;
    }

    /** Hands over what was published in limbo. */
    void sweep() {
      for (int i = 0; i < LIMBO && waiting.get() > 0; i++) {
        Segment segment = limbo.getPlain(i) == null ? null : limbo.getAndSet(i, null);
        if (segment == null) {
          continue;
        }
        if (handOver(segment, 0, segment.limit) == 0) {
          waiting.decrementAndGet();
        } else {
          forget(segment);
          if (!limbo.compareAndSet(i, null, segment)) {
            place(segment);
          }
        }
      }
    }

    private void place(Segment segment) {
      for (int i = 0; i < LIMBO; i++) {
        if (limbo.compareAndSet(next(), null, segment)) {
          return;
        }
      }
      Segment oldest = limbo.getAndSet(next(), segment);
      if (oldest != null) {
        waiting.decrementAndGet();
        faults.add(handOver(oldest, 0, oldest.limit));
      }
    }

    private int next() {
      return cursor.getAndIncrement() & LIMBO - 1;
    }

    /** Keeps no references but those that are still to be handed over. */
    private void forget(Segment segment) {
      for (int i = 0; i < segment.limit; i++) {
        if ((long) WORD.getAcquire(segment.longs, i * stride) == VOID) {
          segment.clear(i * refsPerSlot, (i + 1) * refsPerSlot);
        }
      }
    }
  }
}
