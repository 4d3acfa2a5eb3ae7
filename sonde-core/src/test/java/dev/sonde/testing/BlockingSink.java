// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testing;

import dev.sonde.collect.Sink;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** A sink whose every batch hangs until it is released; afterwards it records. */
public final class BlockingSink<T> implements Sink<T> {
  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch released = new CountDownLatch(1);
  private final RecordingSink<T> taken = new RecordingSink<>();

  @Override
  public void accept(List<T> batch) throws InterruptedException {
    entered.countDown();
    released.await();
    taken.accept(batch);
  }

  /** Waits until a batch hangs in it. */
  public void awaitEntered() throws InterruptedException {
    entered.await();
  }

  /** Lets the hanging batch and all later ones through. */
  public void release() {
    released.countDown();
  }

  /** What has got through. */
  public RecordingSink<T> taken() {
    return taken;
  }
}
