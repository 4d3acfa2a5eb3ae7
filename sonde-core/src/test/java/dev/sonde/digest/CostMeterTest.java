// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class CostMeterTest {
  private long nanos;
  private final CostMeter cost = new CostMeter(() -> nanos);

  @Test
  void measures_oneRecordIn1024() {
    assertThat(LongStream.range(0, 10 * 1_024).filter(CostMeter::measures)).hasSize(10);
  }

  @Test
  void medianNanos_leavesOutASampleDuringWhichTheThreadWasPreempted() {
    assertThat(cost.medianNanos()).isZero();

    for (int i = 0; i < 20; i++) {
      long begin = nanos;
      nanos += i == 7 ? 10_000_000 : 90 + i % 3;
      cost.addStamped(begin, cost.allocatedBytes());
    }

    assertThat(cost.medianNanos()).isEqualTo(91);
  }

  @Test
  void meanBytes_tellsWhatTheRecordsAllocated() {
    assertThat(cost.meanBytes()).isEqualTo(-1);

    for (int i = 0; i < 64; i++) {
      long before = cost.allocatedBytes();
      byte[] kept = new byte[i % 2 == 0 ? 4_080 : 0];
      cost.addMeasured(nanos, before);
      assertThat(kept).isNotNull();
    }

    // An array has a head of 16 bytes.
    assertThat(cost.meanBytes()).isBetween(2_048.0, 2_200.0);
  }

  @Test
  void meanBytes_leavesOutTheRecordsOfVirtualThreadsWhoseAllocationIsUnknown() {
    for (int i = 0; i < 20; i++) {
      long begin = nanos;
      nanos += 90;
      cost.addStamped(begin, -1);
    }
    double ofNoneKnown = cost.meanBytes();

    for (int i = 0; i < 2; i++) {
      long before = cost.allocatedBytes();
      byte[] kept = new byte[4_080];
      cost.addMeasured(nanos, before);
      assertThat(kept).isNotNull();
    }

    assertThat(ofNoneKnown).isEqualTo(-1);
    assertThat(cost.medianNanos()).isEqualTo(90);
    assertThat(cost.meanBytes()).isBetween(4_096.0, 4_400.0);
  }
}
