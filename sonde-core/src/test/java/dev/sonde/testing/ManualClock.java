// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testing;

import dev.sonde.time.MonotonicClock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that stands still until a test moves it; may be read and moved from any thread. */
public final class ManualClock implements MonotonicClock {
  private final AtomicLong nanos;

  /** A clock at 0. */
  public ManualClock() {
    this(0);
  }

  /** A clock at a given reading, which may be negative as real ones are. */
  public ManualClock(long nanos) {
    this.nanos = new AtomicLong(nanos);
  }

  @Override
  public long nanoTime() {
    return nanos.get();
  }

  /** Moves on and returns the new reading; a monotonic clock does not step back. */
  public long advance(Duration step) {
    if (step.isNegative()) {
      throw new IllegalArgumentException("step must be >= 0, was " + step);
    }
    return nanos.addAndGet(step.toNanos());
  }
}
