// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class UsageTest {
  @Test
  void since_countsWhatEndedInBetweenAsNothing() {
    Usage before = new Usage(100, 20, 10, 1_000, 300);

    Usage used = new Usage(160, 15, 25, 1_500, 200).since(before);

    assertThat(used).isEqualTo(new Usage(60, 0, 15, 500, 0));
    assertThat(used.serverNanos()).isEqualTo(45);
    assertThat(used.serverBytes()).isEqualTo(500);
  }

  @Test
  void parse_readsItsOwnLine() {
    Usage usage = new Usage(1, 2, 3, 4, 5);

    assertThat(Usage.parse(usage.line())).isEqualTo(usage);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  @Timeout(30)
  void now_tellsSondesThreadsFromOthers() throws IOException, InterruptedException {
    CountDownLatch worked = new CountDownLatch(1);
    CountDownLatch read = new CountDownLatch(1);
    byte[][] kept = new byte[100][];
    Thread thread =
        new Thread(
            () -> {
              for (int i = 0; i < kept.length; i++) {
                kept[i] = new byte[10_000];
              }
              worked.countDown();
              try {
                read.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "sonde-usage-test");
    Usage before = Usage.now();
    thread.start();
    worked.await();

    Usage used = Usage.now().since(before);

    read.countDown();
    thread.join();
    assertThat(used.sondeBytes()).isGreaterThanOrEqualTo(1_000_000);
    assertThat(used.sondeNanos()).isPositive();
  }
}
