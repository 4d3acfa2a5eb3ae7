// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** State that the handlers of all {@link ContractRoute}s of one server share with the test. */
public final class ContractApplication implements AutoCloseable {
  private static final long LONGEST_WAIT_SECONDS = 30;

  private final AtomicLong entered = new AtomicLong();
  private final AtomicLong flushed = new AtomicLong();
  private final CountDownLatch open = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private final ExecutorService executor =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "contract-application");
            thread.setDaemon(true);
            return thread;
          });

  /** Lets waiting handlers go on. */
  public void open() {
    open.countDown();
  }

  /** Requests that have reached a handler. */
  public long requests() {
    return entered.get();
  }

  /** Responses of which the whole body is flushed, but not the end. */
  long heldEnds() {
    return flushed.get();
  }

  /** Ends endless responses and waits. */
  @Override
  public void close() {
    open();
    closed.countDown();
    executor.shutdown();
  }

  boolean isClosed() {
    return closed.getCount() == 0;
  }

  Executor executor() {
    return executor;
  }

  void entered() {
    entered.incrementAndGet();
  }

  void flushed() {
    flushed.incrementAndGet();
  }

  void awaitOpen() throws InterruptedException {
    if (!open.await(LONGEST_WAIT_SECONDS, TimeUnit.SECONDS)) {
      throw new IllegalStateException("not opened within " + LONGEST_WAIT_SECONDS + " s");
    }
  }

  /** Waits, but not beyond the application's end. */
  void pause(int millis) throws InterruptedException {
    boolean unused = closed.await(millis, TimeUnit.MILLISECONDS);
  }
}
