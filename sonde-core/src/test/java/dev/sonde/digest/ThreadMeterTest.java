// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.collect.SondeThread;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ThreadMeterTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final int MEGABYTES = 20;

  private final ThreadMeter meter = new ThreadMeter();
  private final CyclicBarrier step = new CyclicBarrier(2);
  private final Thread background = new SondeThread("sonde-test", this::work);
  private byte[] last = {};

  /** Allocates between the first two meetings, and lives until the third. */
  private void work() {
    try {
      step.await();
      for (int i = 0; i < MEGABYTES; i++) {
        last = new byte[1 << 20];
      }
      step.await();
      step.await();
    } catch (BrokenBarrierException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void end() throws InterruptedException {
    background.interrupt();
    background.join();
  }

  @Test
  void measure_dividesWhatBackgroundThreadsTookByTimeAndRecords()
      throws BrokenBarrierException, InterruptedException {
    background.start();
    meter.measure(SECOND, 0);
    assertThat(meter.cpuRatio()).isEqualTo(-1);
    assertThat(meter.bytesPerRecord()).isEqualTo(-1);

    step.await();
    step.await();
    meter.measure(2 * SECOND, 1_000);

    assertThat(last).hasSize(1 << 20);
    assertThat(meter.cpuRatio()).isPositive();
    double megabytes = meter.bytesPerRecord() * 1_000 / (1 << 20);
    assertThat(megabytes).isGreaterThanOrEqualTo(MEGABYTES);

    meter.measure(3 * SECOND, 1_000);
    double before = meter.bytesPerRecord();
    meter.measure(4 * SECOND, 1_000);
    assertThat(meter.bytesPerRecord()).as("seconds without records").isEqualTo(before);
    step.await();
  }
}
