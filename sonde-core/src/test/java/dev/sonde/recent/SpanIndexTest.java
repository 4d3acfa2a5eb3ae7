// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class SpanIndexTest {
  private final SpanIndex index = new SpanIndex();

  @Test
  void find_knowsEveryRowUntilItIsRemoved() {
    SplittableRandom random = new SplittableRandom(5);
    Map<Integer, Long> model = new HashMap<>();
    long[] spans = new long[6_000];
    for (int i = 0; i < 60_000; i++) {
      int row = random.nextInt(spans.length);
      if (model.remove(row) == null) {
        // Some random, some in a row as from a counter.
        spans[row] = i % 2 == 0 ? random.nextLong() : 1_000_000L + i;
        model.put(row, spans[row]);
        index.add(spans[row], row);
        assertThat(index.find(spans[row])).isEqualTo(row);
      } else {
        index.remove(row);
        assertThat(index.find(spans[row])).isEqualTo(RowPool.NONE);
      }
    }

    model.forEach((row, span) -> assertThat(index.find(span)).isEqualTo(row));
  }

  @Test
  void find_prefersTheRowThatWasAddedLast() {
    index.add(42, 1);
    index.add(42, 2);
    index.add(42, 3);

    assertThat(index.find(42)).isEqualTo(3);
    index.remove(3);
    assertThat(index.find(42)).isEqualTo(2);
    index.remove(1);
    assertThat(index.find(42)).isEqualTo(2);
    index.remove(2);
    assertThat(index.find(42)).isEqualTo(RowPool.NONE);
  }
}
