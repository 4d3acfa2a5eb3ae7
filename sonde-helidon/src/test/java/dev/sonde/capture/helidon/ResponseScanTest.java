// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.helidon.common.buffers.BufferData;
import org.junit.jupiter.api.Test;

final class ResponseScanTest {
  private final ResponseScan scan = new ResponseScan();

  @Test
  void body_isWhatFollowsTheHead() {
    scan("HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nnothing");

    assertThat(scan.status()).isEqualTo(404);
    assertThat(scan.bodyBytes()).isEqualTo(7);
  }

  @Test
  void interimHead_isNoResponse() {
    scan("HTTP/1.1 100 Continue\r\n\r\n");

    assertThat(scan.status()).isZero();

    scan("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");

    assertThat(scan.status()).isEqualTo(204);
    assertThat(scan.bodyBytes()).isZero();
  }

  @Test
  void chunks_countWithoutTheirSizesAndTrailers() {
    scan("HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n\r\n");
    scan("a;name=f\r\n0123456789\r\n");
    scan("00");
    scan("2\r");
    scan("\n\r\n\r\n");

    assertThat(scan.bodyBytes()).isEqualTo(12);

    scan("0\r\nTrailer: 5\r\n\r\n");

    assertThat(scan.bodyBytes()).isEqualTo(12);
  }

  @Test
  void nextResponse_beginsAnew() {
    scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");

    scan.reset();
    scan("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n0\n");

    assertThat(scan.bodyBytes()).isEqualTo(2);
  }

  private void scan(String bytes) {
    BufferData buffer = BufferData.create(bytes.getBytes(ISO_8859_1));
    int before = buffer.available();
    scan.scan(buffer);
    assertThat(buffer.available()).as("left for the socket").isEqualTo(before);
  }
}
