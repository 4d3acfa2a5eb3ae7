// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.sql.NormalizedSql;
import dev.sonde.capture.sql.SqlNormalizer;
import java.sql.Statement;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The statements of a batch, of which equal ones are remembered once. */
final class Batch {
  private static final int MAX_TEXTS = 8;

  private final Set<NormalizedSql> texts = new LinkedHashSet<>(2);
  private boolean isCut;
  private int size;

  void add(NormalizedSql sql) {
    size++;
    if (texts.size() < MAX_TEXTS) {
      texts.add(sql);
    } else {
      isCut |= !texts.contains(sql);
    }
  }

  int size() {
    return size;
  }

  void clear() {
    size = 0;
    isCut = false;
    texts.clear();
  }

  /** Empties the batch and returns the one statement that stands for it. */
  NormalizedSql take() {
    NormalizedSql merged = texts.size() == 1 ? texts.iterator().next() : merge();
    clear();
    return merged;
  }

  /** Rows changed by all statements; -1 if a driver did not say. */
  static long sum(long @Nullable [] counts) {
    if (counts == null || counts.length == 0) {
      return -1;
    }
    long sum = 0;
    for (long count : counts) {
      if (count >= 0) {
        sum += count;
      } else if (count == Statement.SUCCESS_NO_INFO) {
        return -1;
      }
    }
    return sum;
  }

  private NormalizedSql merge() {
    StringBuilder text = new StringBuilder();
    String operation = null;
    String target = null;
    for (NormalizedSql sql : texts) {
      if (text.length() + sql.text().length() > SqlNormalizer.MAX_LENGTH - 4) {
        isCut = true;
        break;
      }
      boolean isFirst = text.length() == 0;
      text.append(isFirst ? "" : "; ").append(sql.text());
      operation = isFirst || sql.operation().equals(operation) ? sql.operation() : "BATCH";
      target = isFirst || Objects.equals(sql.target(), target) ? sql.target() : null;
    }
    String all = isCut ? text.append("; …").toString() : text.toString();
    return new NormalizedSql(
        all, SqlNormalizer.hash(all), operation == null ? "BATCH" : operation, target);
  }
}
