// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class RowListTest {
  private final RowList list = new RowList();

  @Test
  void first_isTheOldestWhateverComesAndGoes() {
    SplittableRandom random = new SplittableRandom(3);
    Set<Integer> model = new LinkedHashSet<>();
    for (int i = 0; i < 20_000; i++) {
      int row = random.nextInt(300);
      if (model.remove(row)) {
        list.remove(row);
      } else {
        model.add(row);
        list.add(row);
      }
      int oldest = model.isEmpty() ? RowPool.NONE : model.iterator().next();
      assertThat(list.first()).isEqualTo(oldest);
      assertThat(list.size()).isEqualTo(model.size());
    }
  }

  @Test
  void remove_leavesTheOrderOfTheOthers() {
    for (int row : new int[] {5, 0, 9, 2}) {
      list.add(row);
    }
    list.remove(0);
    list.remove(2);
    list.add(0);

    List<Integer> rows = new ArrayList<>();
    while (list.size() > 0) {
      rows.add(list.first());
      list.remove(list.first());
    }
    assertThat(rows).containsExactly(5, 9, 0);
    assertThat(list.first()).isEqualTo(RowPool.NONE);
  }
}
