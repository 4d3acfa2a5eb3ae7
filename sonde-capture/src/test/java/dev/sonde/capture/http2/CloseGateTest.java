// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.http2;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CloseGateTest {
  private final CloseGate gate = new CloseGate();

  @Test
  void closed_tellsAtOnceBetweenWrites() {
    assertThat(gate.writes()).isTrue();
    assertThat(gate.wrote()).isFalse();

    assertThat(gate.closed()).isTrue();
  }

  @Test
  void closed_leavesTheTellingToAWriteUnderWay() {
    assertThat(gate.writes()).isTrue();

    assertThat(gate.closed()).isFalse();
    assertThat(gate.wrote()).isTrue();
  }

  @Test
  void closedAgain_tellsNothing() {
    assertThat(gate.closed()).isTrue();

    assertThat(gate.closed()).isFalse();
    assertThat(gate.writes()).isFalse();
  }
}
