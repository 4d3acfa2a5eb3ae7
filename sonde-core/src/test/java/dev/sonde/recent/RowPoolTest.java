// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.event.FunctionEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class RowPoolTest {
  private final AtomicLong heldBytes = new AtomicLong();
  private final RowPool pool = new RowPool(EventRecords.layout(), heldBytes);

  @Test
  void take_givesEachRowToOneOwner() {
    SplittableRandom random = new SplittableRandom(7);
    Map<Integer, FunctionEvent> owned = new TreeMap<>();
    for (int i = 0; i < 20_000; i++) {
      if (owned.isEmpty() || random.nextInt(100) < 55) {
        int row = pool.take();
        assertThat(owned).doesNotContainKey(row);
        owned.put(row, event(i));
        pool.put(row, EventRecords.of(event(i), 1));
        pool.next(row, i);
      } else {
        int row = List.copyOf(owned.keySet()).get(random.nextInt(owned.size()));
        FunctionEvent event = requireNonNull(owned.remove(row));
        assertThat(pool.at(row).part()).isEqualTo(event);
        assertThat(pool.next(row)).isEqualTo(event.spanId());
        pool.giveBack(row);
      }
    }

    assertThat(pool.used()).isEqualTo(owned.size());
    owned.forEach((row, event) -> assertThat(pool.at(row).part()).isEqualTo(event));
  }

  @Test
  void giveBack_letsGoOfWhatTheRowRefersTo() {
    int row = pool.take();
    pool.put(row, EventRecords.of(event(1), 1));

    pool.giveBack(row);

    assertThatThrownBy(() -> pool.at(row).part()).isInstanceOf(NullPointerException.class);
  }

  @Test
  void giveBack_leavesNoMemoryBehind() {
    long empty = heldBytes.get();
    List<Integer> rows = new ArrayList<>();
    for (int i = 0; i < 3_000; i++) {
      rows.add(pool.take());
    }
    long full = heldBytes.get();

    rows.subList(1_000, 3_000).forEach(pool::giveBack);
    assertThat(heldBytes.get()).isBetween(full / 3, full / 2);
    rows.subList(0, 1_000).forEach(pool::giveBack);

    assertThat(full).isGreaterThan(10 * empty);
    assertThat(pool.used()).isZero();
    assertThat(heldBytes.get()).isEqualTo(empty);
  }

  private static FunctionEvent event(long span) {
    return new FunctionEvent(1, 1, 1, span, 0, "f", 1, false, null, 1);
  }
}
