// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Two neighbouring intervals: a server with an observer and the bare one.
 *
 * @param observed the one whose cost is asked for
 * @param bare the one that it is compared with
 */
record Pair(Interval observed, Interval bare) {
  double ratio(ToDoubleFunction<Interval> figure) {
    return figure.applyAsDouble(observed) / figure.applyAsDouble(bare);
  }

  /** How the figure of the observed server relates to that of the bare one, over these pairs. */
  static Spread ratios(List<Pair> pairs, ToDoubleFunction<Interval> figure) {
    return Spread.of(pairs.stream().mapToDouble(pair -> pair.ratio(figure)).toArray());
  }

  /** What the figure of the observed server is above that of the bare one, over these pairs. */
  static Spread differences(List<Pair> pairs, ToDoubleFunction<Interval> figure) {
    return Spread.of(
        pairs.stream()
            .mapToDouble(
                pair -> figure.applyAsDouble(pair.observed()) - figure.applyAsDouble(pair.bare()))
            .toArray());
  }

  /** Median, quartiles and extremes of some values. */
  record Spread(double min, double lower, double median, double upper, double max) {
    static Spread of(double... values) {
      double[] sorted = values.clone();
      Arrays.sort(sorted);
      return new Spread(
          sorted[0],
          quantile(sorted, 0.25),
          quantile(sorted, 0.5),
          quantile(sorted, 0.75),
          sorted[sorted.length - 1]);
    }

    /** Between two neighbours in proportion to their distance. */
    private static double quantile(double[] sorted, double q) {
      double position = q * (sorted.length - 1);
      int below = (int) position;
      int above = Math.min(below + 1, sorted.length - 1);
      return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
  }
}
