// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SegmentRingTest {
  private static final SlotEncoder<Long> VALUE = (value, longs, l, refs, r) -> longs[l] = value;

  private final List<Long> drained = new ArrayList<>();

  @ParameterizedTest(name = "capacity {0}, {1} stripes, segments of {2}, {3} put")
  @CsvSource({
    "2048, 1, 256, 3000",
    "2048, 8, 256, 3000",
    "2048, 8, 256, 100000",
    "1, 1, 8, 1000",
    "1, 1, 1, 3",
    "3, 2, 2, 10",
    "5, 4, 1, 1000",
    "2048, 8, 256, 2048"
  })
  void drain_yieldsNewestInOrderWhenOneProducerOverfills(
      int capacity, int stripes, int segmentSize, int puts) {
    SegmentRing ring = new SegmentRing(capacity, 1, 0, stripes, segmentSize);

    for (long i = 0; i < puts; i++) {
      assertThat(ring.put(VALUE, i, i)).isTrue();
    }

    int kept = Math.min(capacity, puts);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(puts, 0, puts - kept, kept, 0));
    drainAll(ring, puts);
    assertThat(drained).isEqualTo(LongStream.range(puts - kept, puts).boxed().toList());
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(puts, kept, puts - kept, 0, 0));
  }

  @Test
  void put_refusesWhenSealed() {
    SegmentRing ring = new SegmentRing(4, 1, 0, 2, 2);
    ring.put(VALUE, 1L, 1);

    ring.seal();

    assertThat(ring.put(VALUE, 2L, 2)).isFalse();
    drainAll(ring, 3);
    assertThat(drained).containsExactly(1L);
    assertThat(ring.counts()).isEqualTo(new SegmentRing.Counts(1, 1, 0, 0, 1));
  }

  private void drainAll(SegmentRing ring, long now) {
    while (ring.drain(256, now, (time, longs, l, refs, r) -> drained.add(longs[l])) > 0) {}
  }
}
