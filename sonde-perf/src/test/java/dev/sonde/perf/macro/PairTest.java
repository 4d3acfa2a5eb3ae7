// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PairTest {
  @Test
  void ratios_comparesEachIntervalWithItsOwnNeighbour() {
    List<Pair> pairs =
        List.of(
            new Pair(interval(1_100), interval(1_000)),
            new Pair(interval(2_400), interval(2_000)),
            new Pair(interval(1_560), interval(1_200)));

    Pair.Spread ratios = Pair.ratios(pairs, Interval::cpuNanosPerRequest);

    assertThat(ratios.median()).isCloseTo(1.2, within(1e-9));
    assertThat(ratios.min()).isCloseTo(1.1, within(1e-9));
    assertThat(ratios.max()).isCloseTo(1.3, within(1e-9));
  }

  @Test
  void spread_interpolatesBetweenNeighbours() {
    Pair.Spread spread = Pair.Spread.of(4, 1, 3, 2);

    assertThat(spread).isEqualTo(new Pair.Spread(1, 1.75, 2.5, 3.25, 4));
  }

  private static Interval interval(long cpuNanosPerRequest) {
    Usage usage = new Usage(10 * cpuNanosPerRequest, 0, 0, 0, 0);
    return new Interval(Variant.SONDE, 0, new Wrk(10, 1, 1, 1), 10, usage, 0);
  }
}
