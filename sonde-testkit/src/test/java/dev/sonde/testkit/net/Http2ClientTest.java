// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class Http2ClientTest {
  @ParameterizedTest
  @CsvSource({
    // RFC 7541: indexed (6.1), literal with and without indexing (6.2), table size change (6.3).
    "88, 200",
    "89, 204",
    "8b, 304",
    "8c, 400",
    "8d, 404",
    "8e, 500",
    "2088, 200",
    "0803353033, 503",
    "4803343239, 429",
    // Appendix C.6: 302, 307 and 200 in Huffman coding.
    "4882 6402, 302",
    "4883 640eff, 307",
    "08821001, 200",
  })
  void status_isDecoded(String block, int status) throws IOException {
    byte[] bytes = HexFormat.of().parseHex(block.replace(" ", ""));

    assertThat(Http2Client.status(bytes)).isEqualTo(status);
  }

  @Test
  void status_isNoneOfTrailers() throws IOException {
    assertThat(Http2Client.status(new byte[] {0x00, 0x01, 'a', 0x01, 'b'})).isZero();
  }

  @Test
  void status_isRefusedIfItIsNoNumber() {
    byte[] letters = HexFormat.of().parseHex("088363ffff".substring(0, 10));

    assertThatThrownBy(() -> Http2Client.status(letters)).isInstanceOf(IOException.class);
  }
}
