// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SketchTest {
  private static final double WORST_ERROR = 0.0055;
  private static final double[] QUANTILES = {
    0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1
  };

  @ParameterizedTest
  @EnumSource(Shape.class)
  void quantileNanos_isWithinBoundOfExactWhateverTheDataAndTheMergeOrder(Shape shape) {
    SplittableRandom random = new SplittableRandom(42);
    long[] values = new long[50_000];
    List<BucketCounts> parts = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      parts.add(new BucketCounts());
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = shape.next(random);
      parts.get(random.nextInt(parts.size())).add(Buckets.slotOf(values[i]), 1);
    }
    Collections.shuffle(parts, new Random(7));

    Sketch merged = Sketch.empty();
    for (BucketCounts part : parts) {
      merged = merged.merge(part.toSketch());
    }

    Arrays.sort(values);
    assertThat(merged.count()).isEqualTo(values.length);
    for (double q : QUANTILES) {
      long exact = values[Math.max(0, (int) Math.ceil(q * values.length) - 1)];
      double error = Math.abs(merged.quantileNanos(q) - exact) / (double) exact;
      // Half a nanosecond of rounding is 0.05 % of a microsecond.
      assertThat(error)
          .as("q=%s exact=%s", q, exact)
          .isLessThanOrEqualTo(WORST_ERROR + 0.5 / exact);
    }
    double mean = Arrays.stream(values).average().orElseThrow();
    assertThat(Math.abs(merged.meanNanos() - mean) / mean).isLessThanOrEqualTo(WORST_ERROR);
  }

  @Test
  void merge_givesTheSameInAnyOrder() {
    SplittableRandom random = new SplittableRandom(3);
    List<Sketch> sketches = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      BucketCounts counts = new BucketCounts();
      for (int j = 0; j < 100; j++) {
        counts.add(random.nextInt(Buckets.COUNT), 1 + random.nextInt(5));
      }
      sketches.add(counts.toSketch());
    }
    Sketch forward = sketches.stream().reduce(Sketch.empty(), Sketch::merge);
    Collections.reverse(sketches);

    Sketch backward = sketches.stream().reduce(Sketch.empty(), (a, b) -> b.merge(a));

    assertThat(backward).isEqualTo(forward).hasSameHashCodeAs(forward);
  }

  @Test
  void subtract_undoesMerge() {
    Sketch a = Sketch.of(-100, new long[] {3, 0, 2});
    Sketch b = Sketch.of(-99, new long[] {5, 0, 0, 7});

    Sketch rest = a.merge(b).subtract(b);

    assertThat(rest).isEqualTo(a);
    assertThat(a.subtract(a)).isEqualTo(Sketch.empty());
  }

  @Test
  void subtract_throwsWhenThePartWasNeverMerged() {
    Sketch a = Sketch.of(-100, new long[] {3});
    Sketch b = Sketch.of(-100, new long[] {4});

    assertThatThrownBy(() -> a.subtract(b))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-100");
  }

  @Test
  void of_leavesOutZerosAtTheEnds() {
    Sketch sketch = Sketch.of(-5, new long[] {0, 0, 4, 0, 6, 0});

    assertThat(sketch.offset()).isEqualTo(-3);
    assertThat(sketch.counts()).containsExactly(4, 0, 6);
    assertThat(sketch.count()).isEqualTo(10);
  }

  @Test
  void quantileNanos_isMinusOneWhenEmpty() {
    assertThat(Sketch.empty().quantileNanos(0.5)).isEqualTo(-1);
    assertThat(Sketch.empty().meanNanos()).isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void quantileNanos_throwsOutsideOfZeroToOne(double q) {
    assertThatThrownBy(() -> Sketch.empty().quantileNanos(q))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("q must be in [0, 1]");
  }

  @Test
  void indexOf_isExactForRandomValues() {
    SplittableRandom random = new SplittableRandom(11);
    for (int i = 0; i < 20_000; i++) {
      double seconds = Math.scalb(1 + random.nextDouble(), random.nextInt(-30, 13));

      int index = Buckets.indexOf(seconds);

      assertThat(isIn(index, seconds)).as("%s s in bucket %s", seconds, index).isTrue();
    }
  }

  @Test
  void indexOf_isExactBesideEveryBoundary() {
    for (int index = -64 * 3; index < 64 * 3; index++) {
      double near = Math.pow(2, index / 64.0);
      for (double seconds :
          new double[] {
            Math.nextDown(near), near, Math.nextUp(near), Math.nextUp(Math.nextUp(near))
          }) {
        int found = Buckets.indexOf(seconds);

        assertThat(isIn(found, seconds)).as("%s s in bucket %s", seconds, found).isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-20, -3, -1, 0, 1, 5, 12})
  void indexOf_putsAPowerOfTwoInTheBucketBelow(int exponent) {
    assertThat(Buckets.indexOf(Math.scalb(1.0, exponent))).isEqualTo(exponent * 64 - 1);
    assertThat(Buckets.indexOf(Math.nextUp(Math.scalb(1.0, exponent)))).isEqualTo(exponent * 64);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 59})
  void slotOf_clampsWhatIsShorterThanTheFirstBucket(long nanos) {
    assertThat(Buckets.slotOf(nanos)).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {4_096_000_000_001L, Long.MAX_VALUE})
  void slotOf_clampsWhatIsLongerThanTheLastBucket(long nanos) {
    assertThat(Buckets.slotOf(nanos)).isEqualTo(Buckets.COUNT - 1);
  }

  @Test
  void slice_givesBackWhatWasPacked() {
    SplittableRandom random = new SplittableRandom(5);
    BucketCounts counts = new BucketCounts();
    long[] counters = new long[GroupSnapshot.Counters.SIZE];
    for (int i = 0; i < 500; i++) {
      counts.add(random.nextInt(Buckets.COUNT), 1 + random.nextLong(1L << random.nextInt(40)));
      counters[random.nextInt(counters.length)] = random.nextLong(1L << 60);
    }
    BucketCounts back = new BucketCounts();
    long[] countersBack = new long[counters.length];

    BucketCounts.Slice slice = BucketCounts.Slice.of(1, 2, 3, counters, counts);
    slice.addTo(back, countersBack, 1);

    assertThat(back.toSketch()).isEqualTo(counts.toSketch());
    assertThat(countersBack).isEqualTo(counters);
    assertThat(back.count()).isEqualTo(counts.count());
    slice.addTo(back, countersBack, -1);
    assertThat(back.toSketch()).isEqualTo(Sketch.empty());
    assertThat(countersBack).containsOnly(0);
  }

  @Test
  void slice_takesOneByteForAnEventNearTheLast() {
    BucketCounts counts = new BucketCounts();
    for (int i = 0; i < 100; i++) {
      counts.add(1000 + i, 1);
    }

    int bytes = BucketCounts.Slice.of(0, 0, 1, new long[1], counts).bytes();

    assertThat(bytes).isEqualTo(56 + 1 + 2 + 99);
  }

  @Test
  void slice_ofAListIsTheSameAsThatOfItsCounts() {
    BucketCounts counts = new BucketCounts();
    short[] sorted = {0, 0, 7, 7, 7, 63, 64, 2303, 2303, 9};
    for (int i = 0; i < 9; i++) {
      counts.add(sorted[i], 1);
    }
    long[] counters = {0, 5};
    BucketCounts back = new BucketCounts();

    BucketCounts.Slice slice = BucketCounts.Slice.of(1, 2, 3, counters, sorted, 9);
    slice.addTo(back, new long[2], 1);

    assertThat(back.toSketch()).isEqualTo(counts.toSketch());
    assertThat(slice.bytes()).isEqualTo(BucketCounts.Slice.of(1, 2, 3, counters, counts).bytes());
  }

  @Test
  void addAll_isTheSumOfEachBucketAroundTheOverflowOfAnInt() {
    for (long n : new long[] {1, (1L << 31) - 1, 1L << 31, (1L << 32) - 1, 1L << 32}) {
      BucketCounts a = new BucketCounts();
      BucketCounts b = new BucketCounts();
      a.add(100, n);
      b.add(100, 1);
      b.add(2000, n);

      a.addAll(b);

      assertThat(a.at(100)).isEqualTo(n + 1);
      assertThat(a.at(2000)).isEqualTo(n);
      assertThat(a.count()).isEqualTo(2 * n + 1);
    }
  }

  @Test
  void add_countsBeyondAnInt() {
    BucketCounts counts = new BucketCounts();
    long n = 3L << 31;

    counts.add(77, n);
    counts.add(77, 1);
    BucketCounts sum = new BucketCounts();
    sum.addAll(counts);
    sum.addAll(counts);

    assertThat(counts.at(77)).isEqualTo(n + 1);
    assertThat(sum.at(77)).isEqualTo(2 * (n + 1));
    sum.add(77, -2 * (n + 1) + 5);
    assertThat(sum.at(77)).isEqualTo(5);
    assertThat(sum.count()).isEqualTo(5);
  }

  /** The definition, without a logarithm: 2^index < seconds^64 <= 2^(index+1). */
  private static boolean isIn(int index, double seconds) {
    BigDecimal power = new BigDecimal(seconds).pow(64);
    return power.compareTo(powerOfTwo(index)) > 0 && power.compareTo(powerOfTwo(index + 1)) <= 0;
  }

  private static BigDecimal powerOfTwo(int exponent) {
    BigDecimal two = BigDecimal.valueOf(2);
    return exponent >= 0 ? two.pow(exponent) : BigDecimal.ONE.divide(two.pow(-exponent));
  }

  private enum Shape {
    UNIFORM,
    UNIFORM_SHORT,
    LOGNORMAL,
    WIDE_LOGNORMAL,
    BIMODAL,
    CONSTANT_MICROSECOND,
    CONSTANT,
    CONSTANT_HOUR;

    long next(SplittableRandom random) {
      return switch (this) {
        case UNIFORM -> random.nextLong(1_000, 3_600_000_000_000L);
        case UNIFORM_SHORT -> random.nextLong(1_000, 1_000_000);
        case LOGNORMAL -> clamp(5e6 * Math.exp(1.5 * gaussian(random)));
        case WIDE_LOGNORMAL -> clamp(50e6 * Math.exp(4 * gaussian(random)));
        case BIMODAL ->
            random.nextInt(10) < 9
                ? random.nextLong(900_000, 1_100_000)
                : random.nextLong(2_000_000_000L, 2_100_000_000L);
        case CONSTANT_MICROSECOND -> 1_000;
        case CONSTANT -> 7_654_321;
        case CONSTANT_HOUR -> 3_600_000_000_000L;
      };
    }

    private static long clamp(double nanos) {
      return Math.max(1_000, Math.min(3_600_000_000_000L, (long) nanos));
    }

    private static double gaussian(SplittableRandom random) {
      return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
          * Math.cos(2 * Math.PI * random.nextDouble());
    }
  }
}
