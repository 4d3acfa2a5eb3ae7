// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class NoopCollectorTest {
  @Test
  void isEnabled_tellsAdaptersToBuildNothing() {
    assertThat(NoopCollector.INSTANCE.isEnabled()).isFalse();
  }
}
