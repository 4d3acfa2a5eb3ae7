// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.event.Outcome;
import java.util.Map;

/**
 * Where each number besides the distribution stands in an array of counters.
 *
 * <p>The common case is not counted but derived: a request is 200 and completed unless one of these
 * says otherwise. So the common request costs one atomic addition, that of its latency bucket.
 */
final class Counters {
  static final int ERRORS = 0;
  static final int IN = 1;
  static final int OUT = 2;

  /** Status classes whose exact code found no place; digit 0 is "no status". */
  static final int CLASS = 8;

  static final int CODE = 14;
  static final int CODE_SLOTS = 10;
  static final int SIZE = CODE + CODE_SLOTS;

  /** The outcomes other than COMPLETED. */
  private static final int OUTCOMES = 3;

  private Counters() {}

  static int ofOutcome(Outcome outcome) {
    return switch (outcome) {
      case COMPLETED -> throw new IllegalArgumentException("COMPLETED is derived, not counted");
      case CLIENT_ABORT_BEFORE_HEADERS -> OUTCOMES;
      case CLIENT_ABORT_DURING_BODY -> OUTCOMES + 1;
      case SERVER_TIMEOUT -> OUTCOMES + 2;
      case APP_ERROR -> OUTCOMES + 3;
      case REJECTED -> OUTCOMES + 4;
    };
  }

  static int ofClass(int status) {
    return status >= 100 && status < 600 ? CLASS + status / 100 : CLASS;
  }

  static long outcome(long[] counters, long count, Outcome outcome) {
    if (outcome != Outcome.COMPLETED) {
      return counters[ofOutcome(outcome)];
    }
    long completed = count;
    for (int i = OUTCOMES; i < CLASS; i++) {
      completed -= counters[i];
    }
    return Math.max(0, completed);
  }

  static long statusClass(long[] counters, int[] codes, long count, int firstDigit) {
    long sum = counters[CLASS + firstDigit];
    for (int i = 0; i < codes.length; i++) {
      if (codes[i] / 100 == firstDigit && codes[i] != 0) {
        sum += counters[CODE + i];
      }
    }
    return firstDigit == 2 ? sum + ok(counters, count) : sum;
  }

  static void statusCodes(long[] counters, int[] codes, long count, Map<Integer, Long> into) {
    long ok = ok(counters, count);
    if (ok > 0) {
      into.put(200, ok);
    }
    for (int i = 0; i < codes.length; i++) {
      if (codes[i] != 0 && counters[CODE + i] > 0) {
        into.put(codes[i], counters[CODE + i]);
      }
    }
  }

  private static long ok(long[] counters, long count) {
    long ok = count;
    for (int i = CLASS; i < counters.length; i++) {
      ok -= counters[i];
    }
    return Math.max(0, ok);
  }
}
