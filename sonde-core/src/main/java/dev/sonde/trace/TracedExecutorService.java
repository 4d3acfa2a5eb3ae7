// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;

/** Carries the span that is current at the hand-over into the task. */
final class TracedExecutorService extends AbstractExecutorService {
  private final ExecutorService executor;

  TracedExecutorService(ExecutorService executor) {
    this.executor = executor;
  }

  // Every way to hand over a task ends here in the superclass.
  @Override
  public void execute(Runnable task) {
    executor.execute(TraceContext.wrap(task));
  }

  @Override
  public void shutdown() {
    executor.shutdown();
  }

  @Override
  public List<Runnable> shutdownNow() {
    return executor.shutdownNow();
  }

  @Override
  public boolean isShutdown() {
    return executor.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return executor.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return executor.awaitTermination(timeout, unit);
  }
}
