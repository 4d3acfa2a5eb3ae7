// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testing;

import dev.sonde.collect.Sink;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A sink that throws for a number of batches, then hands the rest to another one. */
public final class FailingSink<T> implements Sink<T> {
  private final RecordingSink<T> taken = new RecordingSink<>();
  private final AtomicInteger attempts = new AtomicInteger();
  private final int failures;

  /** Fails {@code failures} times before it works; {@code Integer.MAX_VALUE} never works. */
  public FailingSink(int failures) {
    this.failures = failures;
  }

  @Override
  public void accept(List<T> batch) {
    int attempt = attempts.incrementAndGet();
    if (attempt <= failures) {
      throw new IllegalStateException("failure " + attempt);
    }
    taken.accept(batch);
  }

  /** Batches offered so far, failed ones included. */
  public int attempts() {
    return attempts.get();
  }

  /** What got through once it worked. */
  public RecordingSink<T> taken() {
    return taken;
  }
}
