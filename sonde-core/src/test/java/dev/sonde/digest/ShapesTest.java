// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ShapesTest {
  @Test
  void request_isKeptUnderItsNumber() {
    Shapes.Request shape = Shapes.request("GET", "/shapes/{id}", "HTTP/1.1");

    assertThat(shape.number()).isPositive();
    assertThat(Shapes.request("GET", "/shapes/{id}", "HTTP/1.1")).isSameAs(shape);
    assertThat(Shapes.request(shape.number(), null)).isSameAs(shape);
  }

  @Test
  void request_hasNoNumberIfAClientCouldMakeItUp() {
    Shapes.Request method = Shapes.request("BREW", "/shapes/{id}", "HTTP/1.1");
    Shapes.Request version = Shapes.request("GET", "/shapes/{id}", "HTTP/1.12345");

    assertThat(method.number()).isEqualTo(Shapes.NONE);
    assertThat(version.number()).isEqualTo(Shapes.NONE);
    assertThat(Shapes.request(method.number(), method)).isSameAs(method);
  }

  @Test
  void name_hasNoNumberIfItIsLong() {
    Shapes.Name shape = Shapes.name("x".repeat(2_000));

    assertThat(shape.text()).hasSize(512);
    assertThat(shape.number()).isEqualTo(Shapes.NONE);
    assertThat(Shapes.statement("h2", null, "SELECT", null, "y".repeat(9_000), 1).number())
        .isEqualTo(Shapes.NONE);
  }

  @Test
  void name_isRightWhetherOrNotThereAreNumbersLeft() {
    Set<Integer> numbers = new HashSet<>();
    int without = 0;
    for (int i = 0; i < 2 * Shapes.NUMBERS; i++) {
      Shapes.Name shape = Shapes.name("call " + i);
      assertThat(shape.text()).isEqualTo("call " + i);
      assertThat(Shapes.name(shape.number(), shape)).isSameAs(shape);
      if (shape.number() == Shapes.NONE) {
        without++;
      } else {
        assertThat(numbers.add(shape.number())).isTrue();
      }
    }

    assertThat(without).isGreaterThanOrEqualTo(Shapes.NUMBERS);
    assertThat(Shapes.heldBytes()).isPositive().isLessThanOrEqualTo(Shapes.BOUND_BYTES);
  }
}
