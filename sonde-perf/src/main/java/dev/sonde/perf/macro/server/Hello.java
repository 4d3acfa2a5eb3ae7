// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What every server answers: twelve bytes, after some work. */
public final class Hello {
  /** Media type of {@link #answer}. */
  static final String TYPE = "text/plain";

  private static final byte[] BODY = "Hello World!".getBytes(StandardCharsets.US_ASCII);

  private final LongAdder handled = new LongAdder();
  private final long workIterations;

  /**
   * A connection for each thread, on which what is answered is recorded; null to record nothing.
   */
  private final @Nullable ThreadLocal<ConnectionState> recorded;

  /**
   * An answer that takes so long.
   *
   * @param workIterations of {@link Work}
   * @param recording where the core's own record of each answer goes, which no adapter makes; null
   *     to make none
   */
  public Hello(long workIterations, @Nullable ListenerScope recording) {
    this.workIterations = workIterations;
    recorded =
        recording == null
            ? null
            : ThreadLocal.withInitial(
                () -> recording.opened(0, null, null, Protocol.H1, false, System.nanoTime()));
  }

  /** Returns the body of the answer to one request; not to be written to. */
  byte[] answer() {
    return recorded == null ? work() : record(recorded.get());
  }

  private byte[] record(ConnectionState connection) {
    Exchange exchange = connection.begin(0, 0, "GET", "/hello", "HTTP/1.1", System.nanoTime());
    byte[] body = work();
    exchange.committedWithEnd(200);
    exchange.completed(200, body.length, System.nanoTime());
    exchange.release();
    return body;
  }

  private byte[] work() {
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
