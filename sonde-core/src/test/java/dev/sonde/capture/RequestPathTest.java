// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RequestPathTest {
  @ParameterizedTest
  @CsvSource({
    "/a/b, /a/b",
    "/, /",
    "*, *",
    "-, -",
    "/a?token=x, /a",
    "/a;jsessionid=1F, /a",
    "/a;v=1/b;w=2?q=/c;d, /a/b",
    "/a/;x, /a/",
    "/a#part, /a",
    "?only, ''",
  })
  void withoutParameters_keepsThePathAlone(String target, String path) {
    assertThat(RequestPath.withoutParameters(target)).isEqualTo(path);
  }
}
