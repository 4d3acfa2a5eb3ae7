// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Counts failures of the observer itself, by kind; the first of a kind is logged. */
final class Faults {
  private static final Logger LOGGER = System.getLogger("dev.sonde.core");

  private final Map<String, Kind> kinds = new ConcurrentHashMap<>();

  /** Counts one; any thread. Nothing is logged here, since it may be a request's thread. */
  void count(String kind, Throwable fault) {
    try {
      Kind known = kinds.get(kind);
      if (known == null) {
        known = kinds.computeIfAbsent(kind, k -> new Kind(fault));
      }
      known.count.incrementAndGet();
    } catch (Throwable memoryOrStackExhausted) {
      // There is nothing left to count with.
      return;
    }
  }

  /** Logs what has not been logged yet; for the digest thread. */
  void logNew() {
    kinds.forEach(
        (name, kind) -> {
          Throwable first = kind.first;
          if (first != null) {
            kind.first = null;
            LOGGER.log(
                Level.WARNING,
                "Observation failed in " + name + "; further failures there are only counted",
                first);
          }
        });
  }

  /** How many of each kind. */
  SortedMap<String, Long> counts() {
    SortedMap<String, Long> counts = new TreeMap<>();
    kinds.forEach((name, kind) -> counts.put(name, kind.count.get()));
    return Collections.unmodifiableSortedMap(counts);
  }

  private static final class Kind {
    final AtomicLong count = new AtomicLong();
    volatile @Nullable Throwable first;

    Kind(Throwable first) {
      this.first = first;
    }
  }
}
