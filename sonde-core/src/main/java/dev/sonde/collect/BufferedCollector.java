// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.event.LifecycleEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps events in order until they are asked for.
 *
 * <p>The callback gets every batch once, in order and one at a time, on a thread that records or
 * flushes; it may itself record and flush. What it throws is only counted. A thread hands over the
 * batches that it finds, and those of a {@link #flush()} meanwhile; what others fill meanwhile goes
 * with the next full buffer or flush, so that no request waits for the batches of all others.
 *
 * <p>While a call of the callback lasts, at most 64 batches wait for it; each further one drops the
 * oldest, which {@link #droppedOldest()} counts.
 */
public final class BufferedCollector implements LifecycleCollector {
  /** Batches that wait for the callback; a callback that hangs must not fill the heap. */
  static final int MAX_WAITING_BATCHES = 64;

  private final int maxBufferSize;
  private final Consumer<List<LifecycleEvent>> onFlush;
  private final LongAdder callbackErrors = new LongAdder();

  /*
   * The callback runs outside of the lock, so it can record without a deadlock and be slow without
   * stopping others. Batches queue up in the order of their flushes, and whoever finds nobody
   * handing them over hands over those there are.
   */
  private final ReentrantLock lock = new ReentrantLock();
  private final Queue<List<LifecycleEvent>> flushed = new ArrayDeque<>();
  private List<LifecycleEvent> events = new ArrayList<>();
  private boolean isHandingOver;

  /** Batches that the thread in the callback has still to hand over. */
  private int owed;

  private long droppedOldest;

  /** Keeps any number of events. */
  public BufferedCollector() {
    this(0, batch -> {});
  }

  /**
   * Flushes by itself at a size.
   *
   * @param maxBufferSize events at which it flushes, or 0 for no limit
   * @param onFlush takes every batch that is not empty, in a list that does not change
   */
  public BufferedCollector(int maxBufferSize, Consumer<List<LifecycleEvent>> onFlush) {
    if (maxBufferSize < 0) {
      throw new IllegalArgumentException("maxBufferSize must be >= 0, was " + maxBufferSize);
    }
    this.maxBufferSize = maxBufferSize;
    this.onFlush = onFlush;
  }

  @Override
  public void record(LifecycleEvent event) {
    boolean isFull;
    lock.lock();
    try {
      events.add(event);
      isFull = maxBufferSize > 0 && events.size() >= maxBufferSize;
      if (isFull) {
        swap();
      }
    } finally {
      lock.unlock();
    }
    if (isFull) {
      handOver(false);
    }
  }

  /**
   * Returns and clears what is kept, oldest first, and hands it to the callback.
   *
   * <p>While another thread is in the callback, that thread hands this batch over after its own.
   */
  public List<LifecycleEvent> flush() {
    List<LifecycleEvent> batch;
    lock.lock();
    try {
      batch = swap();
    } finally {
      lock.unlock();
    }
    handOver(true);
    return batch;
  }

  /** Events kept at this moment. */
  public int size() {
    lock.lock();
    try {
      return events.size();
    } finally {
      lock.unlock();
    }
  }

  /** Calls of the callback that threw. */
  public long callbackErrors() {
    return callbackErrors.sum();
  }

  /** Events that were dropped because too many batches waited for the callback. */
  public long droppedOldest() {
    lock.lock();
    try {
      return droppedOldest;
    } finally {
      lock.unlock();
    }
  }

  private List<LifecycleEvent> swap() {
    List<LifecycleEvent> batch = Collections.unmodifiableList(events);
    events = new ArrayList<>();
    if (!batch.isEmpty()) {
      if (flushed.size() == MAX_WAITING_BATCHES) {
        droppedOldest += flushed.remove().size();
      }
      flushed.add(batch);
    }
    return batch;
  }

  private void handOver(boolean isFlush) {
    List<LifecycleEvent> batch = firstToHandOver(isFlush);
    while (batch != null) {
      try {
        onFlush.accept(batch);
      } catch (Throwable e) {
        // The server's thread pays for the callback; it must not also fail for it.
        callbackErrors.increment();
      }
      batch = nextToHandOver();
    }
  }

  private @Nullable List<LifecycleEvent> firstToHandOver(boolean isFlush) {
    lock.lock();
    try {
      if (isHandingOver) {
        // Who flushes may be the last to come by: nobody else would hand its batch over.
        owed = isFlush ? flushed.size() : owed;
        return null;
      }
      owed = flushed.size();
      return poll();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable List<LifecycleEvent> nextToHandOver() {
    lock.lock();
    try {
      return poll();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable List<LifecycleEvent> poll() {
    List<LifecycleEvent> batch = owed > 0 ? flushed.poll() : null;
    isHandingOver = batch != null;
    owed--;
    return batch;
  }
}
