// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.math.BigInteger;

/**
 * The bucket of a duration, without a logarithm.
 *
 * <p>Index and boundaries are those of {@link Sketch}; durations outside of {@link #MIN} to {@link
 * #MAX}, about 60 ns to 68 minutes, count in the first or the last bucket.
 */
final class Buckets {
  static final int PER_OCTAVE = 1 << Sketch.SCALE;
  static final int MIN_OCTAVE = -24;
  static final int OCTAVES = 36;

  /** Index of the first bucket kept. */
  static final int MIN = MIN_OCTAVE * PER_OCTAVE;

  static final int COUNT = OCTAVES * PER_OCTAVE;

  /** Index of the last bucket kept. */
  static final int MAX = MIN + COUNT - 1;

  private static final int MANTISSA_BITS = 52;
  private static final long MANTISSA = (1L << MANTISSA_BITS) - 1;
  private static final int EXPONENT_BIAS = 1023;

  /** One step of the table is 1/128 octave at most, so it holds at most one boundary. */
  private static final int TABLE_BITS = Sketch.SCALE + 1;

  private static final double SECONDS_PER_NANO = 1e-9;
  private static final double NANOS_PER_SECOND = 1e9;

  /** Mantissa of the largest double that does not exceed 2^((i+1)/64). */
  private static final long[] UPPER = upperMantissas();

  private static final byte[] FIRST = firstBuckets();

  private static final double[] MIDDLE_NANOS = middles();

  private static final int WEIGHT_BITS = 20;
  private static final int[] WEIGHTS = weights();

  private Buckets() {}

  /** Bucket of a duration, counted from {@link #MIN}: 0 to {@link #COUNT} - 1. */
  static int slotOf(long nanos) {
    int slot = indexOf(nanos * SECONDS_PER_NANO) - MIN;
    return Math.max(0, Math.min(COUNT - 1, slot));
  }

  /** Index of a positive, normal number of seconds; 0 gives an index below {@link #MIN}. */
  static int indexOf(double seconds) {
    // The double before this one lies in [lower, upper) exactly if this one lies in (lower, upper].
    long bits = Double.doubleToRawLongBits(seconds) - 1;
    int octave = (int) (bits >> MANTISSA_BITS) - EXPONENT_BIAS;
    long mantissa = bits & MANTISSA;
    int sub = FIRST[(int) (mantissa >>> (MANTISSA_BITS - TABLE_BITS))];
    if (mantissa >= UPPER[sub]) {
      sub++;
    }
    return octave * PER_OCTAVE + sub;
  }

  /** Upper boundary of a bucket in nanoseconds. */
  static double upperNanos(int index) {
    return NANOS_PER_SECOND * Math.pow(2, (index + 1) / (double) PER_OCTAVE);
  }

  /** The value whose relative distance to both boundaries is the same: at most 0.5415 %. */
  static double middleNanos(int index) {
    double upper = upperNanos(index);
    double lower = upperNanos(index - 1);
    return 2 * lower * upper / (lower + upper);
  }

  /** {@link #middleNanos} of a bucket counted from {@link #MIN}. */
  static double middleOfSlot(int slot) {
    return MIDDLE_NANOS[slot];
  }

  /**
   * The middle of the i-th bucket of any octave, in parts of {@link #nanosOfWeight}: less than
   * 2^21, so that 2^32 events in one octave do not overflow a long.
   */
  static int weightInOctave(int i) {
    return WEIGHTS[i];
  }

  /** What one unit of weight is in this octave. */
  static double nanosOfWeight(int octave) {
    return MIDDLE_NANOS[octave * PER_OCTAVE] / (1 << WEIGHT_BITS);
  }

  private static int[] weights() {
    int[] weights = new int[PER_OCTAVE];
    for (int i = 0; i < PER_OCTAVE; i++) {
      weights[i] = (int) Math.round(MIDDLE_NANOS[i] / MIDDLE_NANOS[0] * (1 << WEIGHT_BITS));
    }
    return weights;
  }

  private static double[] middles() {
    double[] middles = new double[COUNT];
    for (int slot = 0; slot < COUNT; slot++) {
      middles[slot] = middleNanos(MIN + slot);
    }
    return middles;
  }

  private static long[] upperMantissas() {
    long[] upper = new long[PER_OCTAVE];
    for (int i = 0; i < PER_OCTAVE - 1; i++) {
      // m is right if m^64 <= 2^(52*64 + i+1) < (m+1)^64; Math.pow may be one unit off.
      BigInteger power = BigInteger.TWO.pow(MANTISSA_BITS * PER_OCTAVE + i + 1);
      long m = (long) Math.scalb(Math.pow(2, (i + 1) / (double) PER_OCTAVE), MANTISSA_BITS);
      while (BigInteger.valueOf(m).pow(PER_OCTAVE).compareTo(power) > 0) {
        m--;
      }
      while (BigInteger.valueOf(m + 1).pow(PER_OCTAVE).compareTo(power) <= 0) {
        m++;
      }
      upper[i] = m & MANTISSA;
    }
    upper[PER_OCTAVE - 1] = Long.MAX_VALUE;
    return upper;
  }

  private static byte[] firstBuckets() {
    byte[] first = new byte[1 << TABLE_BITS];
    for (int i = 0; i < first.length; i++) {
      long mantissa = (long) i << (MANTISSA_BITS - TABLE_BITS);
      int sub = 0;
      while (mantissa >= UPPER[sub]) {
        sub++;
      }
      first[i] = (byte) sub;
    }
    return first;
  }
}
