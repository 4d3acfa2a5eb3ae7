// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.sonde.capture.http2.CloseGate;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** A close comes while frames are written: one of the two tells it, and knows them if they were. */
@JCStressTest
@Outcome(id = "1, 0, 1, 1", expect = ACCEPTABLE, desc = "the writer tells")
@Outcome(id = "0, 1, 1, 1", expect = ACCEPTABLE, desc = "the close tells, after the write")
@Outcome(id = "0, 1, 0, 0", expect = ACCEPTABLE, desc = "the close tells, before the write")
@Outcome(expect = FORBIDDEN, desc = "told twice, never, or without the frames")
@State
public class CloseGateStress {
  private final CloseGate gate = new CloseGate();

  // Plain: what the gate orders.
  private int frames;

  /** Made anew for each play. */
  public CloseGateStress() {}

  /** Writes. */
  @Actor
  public void writer(IIII_Result result) {
    if (gate.writes()) {
      result.r4 = 1;
      frames = 1;
      if (gate.wrote()) {
        result.r1 = 1;
        result.r3 = frames;
      }
    }
  }

  /** Closes. */
  @Actor
  public void closer(IIII_Result result) {
    if (gate.closed()) {
      result.r2 = 1;
      result.r3 = frames;
    }
  }
}
