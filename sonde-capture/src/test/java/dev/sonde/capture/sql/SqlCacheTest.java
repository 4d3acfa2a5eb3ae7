// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

final class SqlCacheTest {
  private static final SqlNormalizer NORMALIZER = new SqlNormalizer(SqlDialect.POSTGRESQL);

  private final SqlCache cache = new SqlCache(NORMALIZER, 16);

  @Test
  void get_returnsTheSameObjectForTheSameText() {
    NormalizedSql first = cache.get("select 1");

    assertThat(cache.get(new String("select 1".toCharArray()))).isSameAs(first);
  }

  @Test
  void get_keepsNoMoreThanItsCapacity() {
    for (int i = 0; i < 1000; i++) {
      cache.get("select a from t" + i);
    }

    assertThat(cache.size()).isEqualTo(16);
  }

  @Test
  void get_keepsWhatIsUsedAgain() {
    NormalizedSql hot = cache.get("select hot from t");

    for (int i = 0; i < 1000; i++) {
      cache.get("select a from t" + i);
      assertThat(cache.get("select hot from t")).isSameAs(hot);
    }
  }

  @Test
  void get_keepsNoTextThatIsCut() {
    cache.get("select " + "a,".repeat(SqlNormalizer.MAX_LENGTH));

    assertThat(cache.size()).isZero();
  }

  @Test
  void get_isRightFromManyThreads() throws ExecutionException, InterruptedException {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    List<Future<Integer>> wrong = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      wrong.add(threads.submit(this::countWrong));
    }

    for (Future<Integer> count : wrong) {
      assertThat(count.get()).isZero();
    }
    threads.shutdown();
    assertThat(cache.size()).isLessThanOrEqualTo(16);
  }

  @Test
  void constructor_namesTheLimit() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SqlCache(NORMALIZER, 0))
        .withMessage("capacity must be >= 1, was 0");
  }

  private int countWrong() {
    int wrong = 0;
    for (int i = 0; i < 20_000; i++) {
      String table = "t" + (i % 40);
      wrong += table.equals(cache.get("select a from " + table).target()) ? 0 : 1;
    }
    return wrong;
  }
}
