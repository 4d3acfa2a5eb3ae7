// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.stress;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * A ring that writes over its oldest slot whoever is still in it: must fail, or the races of {@link
 * RingStress} prove nothing.
 */
@JCStressTest
@Outcome(id = "1", expect = Expect.ACCEPTABLE, desc = "the first survived")
@Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "the second survived")
@Outcome(expect = Expect.FORBIDDEN, desc = "torn")
@State
public class NaiveLapped {
  private final AtomicInteger claim = new AtomicInteger();
  private final long[] longs = new long[2];

  /** Puts 1. */
  @Actor
  public void first() {
    put(1);
  }

  /** Puts 2. */
  @Actor
  public void second() {
    put(2);
  }

  /** Reads the survivor. */
  @Arbiter
  public void arbiter(I_Result result) {
    result.r1 = longs[0] == ~longs[1] ? (int) longs[0] : RingStress.TORN;
  }

  private void put(long value) {
    int slot = claim.getAndIncrement() * 2 % longs.length;
    longs[slot] = value;
    longs[slot + 1] = ~value;
  }
}
