// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.LongAdder;

/** What every server answers: twelve bytes, after some work. */
public final class Hello {
  /** Media type of {@link #answer}. */
  static final String TYPE = "text/plain";

  private static final byte[] BODY = "Hello World!".getBytes(StandardCharsets.US_ASCII);

  private final LongAdder handled = new LongAdder();
  private final long workIterations;

  /**
   * An answer that takes so long.
   *
   * @param workIterations of {@link Work}
   */
  public Hello(long workIterations) {
    this.workIterations = workIterations;
  }

  /** Returns the body of the answer to one request; not to be written to. */
  byte[] answer() {
    handled.increment();
    if (Work.of(workIterations) == 0) {
      throw new IllegalStateException("work never comes to zero");
    }
    return BODY;
  }

  /** Returns the number of requests answered so far. */
  public long handled() {
    return handled.sum();
  }
}
