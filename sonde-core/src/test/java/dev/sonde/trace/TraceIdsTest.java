// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class TraceIdsTest {
  @Test
  void ids_areNeverZeroAndDoNotRepeat() {
    Set<Long> seen = ConcurrentHashMap.newKeySet();

    IntStream.range(0, 60_000)
        .parallel()
        .forEach(
            i -> {
              seen.add(TraceIds.nextTraceIdHigh());
              seen.add(TraceIds.nextTraceIdLow());
              seen.add(TraceIds.nextSpanId());
            });

    assertThat(seen).hasSize(180_000).doesNotContain(0L);
  }

  @Test
  void lowerHalf_isEvenlySpreadOverItsLower56Bits() {
    int buckets = 64;
    int draws = 64_000;
    int[] counts = new int[buckets];
    for (int i = 0; i < draws; i++) {
      long random = TraceIds.nextTraceIdLow() & 0xff_ffff_ffff_ffffL;
      counts[(int) (random >>> 50)]++;
    }

    double chiSquare = 0;
    double expected = (double) draws / buckets;
    for (int count : counts) {
      chiSquare += (count - expected) * (count - expected) / expected;
    }

    // 63 degrees of freedom: a fair generator exceeds 140 once in ten million runs.
    assertThat(chiSquare).isLessThan(140);
  }
}
