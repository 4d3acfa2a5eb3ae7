// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/** A process on a JDK with virtual threads, which ends with 0 if all is as promised. */
final class VirtualThreadsProcess {
  private static final int THREADS = 10_000;
  private static final int EVENTS_OF_THREAD = 200;

  private static final SlotEncoder<Long> VALUE =
      (value, longs, l, refs, r) -> {
        longs[l] = value;
        refs[r] = value;
      };

  private VirtualThreadsProcess() {}

  public static void main(String[] arguments) throws Exception {
    AtomicLong accepted = new AtomicLong();
    SegmentRing ring = new SegmentRing(2048, 1, 1);
    try (AsyncCollector<Long> collector =
            AsyncCollector.<Long>builder(batch -> accepted.addAndGet(batch.size())).start();
        Recording recording = new Recording()) {
      recording.enable("jdk.VirtualThreadPinned").withThreshold(Duration.ZERO);
      recording.start();
      // What the JDK itself does once is done before: a thread that waits for another one to
      // initialise a class is pinned, and the scheduler keeps queues for so many threads. What new
      // threads add to that is the ring's.
      run(THREADS, ring, collector);
      int pinnedBefore = pinned(recording).size();
      long before = usedBytes();

      run(THREADS, ring, collector);

      long grown = usedBytes() - before;
      List<RecordedEvent> all = pinned(recording);
      List<RecordedEvent> pinned = all.subList(pinnedBefore, all.size());
      startVirtual(() -> LockSupport.unpark(Pinning.THREAD)).join();
      int provoked = pinned(recording).size() - all.size();
      collector.close(Duration.ofMinutes(1));

      long events = 2L * THREADS * EVENTS_OF_THREAD;
      AsyncCollector.Counts counts = collector.counts();
      assertThat(counts.enqueued()).isEqualTo(events);
      assertThat(counts.processed()).isEqualTo(accepted.get());
      assertThat(counts.processed() + counts.droppedOldest()).isEqualTo(events);
      SegmentRing.Counts ringCounts = ring.counts();
      assertThat(ringCounts.offered()).isEqualTo(events);
      assertThat(ringCounts.depth()).isEqualTo(2048);
      assertThat(ringCounts.dropped()).isEqualTo(events - 2048);
      assertThat(pinned).as("pinned").isEmpty();
      assertThat(provoked).as("pinned on purpose").isPositive();
      // Less than the entry and the value of a thread-local, the least to keep for a thread.
      assertThat(grown).as("bytes for %s threads", THREADS).isLessThan(48L * THREADS);
      new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8)
          .printf("%d virtual threads, %d pinned, %d bytes%n", THREADS, pinned.size(), grown);
    }
  }

  /** All threads wait for the last one, then all put. */
  private static void run(int threads, SegmentRing ring, AsyncCollector<Long> collector)
      throws InterruptedException, ReflectiveOperationException {
    CountDownLatch ready = new CountDownLatch(threads);
    CountDownLatch done = new CountDownLatch(threads);
    for (int i = 0; i < threads; i++) {
      startVirtual(
          () -> {
            ready.countDown();
            awaitUninterrupted(ready);
            for (long event = 0; event < EVENTS_OF_THREAD; event++) {
              ring.put(VALUE, event, System.nanoTime());
              collector.enqueue(event);
            }
            done.countDown();
          });
    }
    done.await();
  }

  /** What needs no newer compiler. */
  private static Thread startVirtual(Runnable task) throws ReflectiveOperationException {
    Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
    return (Thread) start.invoke(null, task);
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** In the order of their start, whole with their stacks. */
  private static List<RecordedEvent> pinned(Recording recording) throws IOException {
    Path file = Files.createTempFile("virtual", ".jfr");
    try {
      recording.dump(file);
      return RecordingFile.readAllEvents(file).stream()
          .sorted(Comparator.comparing(RecordedEvent::getStartTime))
          .toList();
    } finally {
      Files.delete(file);
    }
  }

  private static long usedBytes() {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
  }

  /** Pins whoever initialises it, to show that the recording would see that. */
  private static final class Pinning {
    static final Thread THREAD = Thread.currentThread();

    static {
      LockSupport.parkNanos(20_000_000);
    }
  }
}
