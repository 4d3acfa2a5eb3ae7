// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FrameScanTest {
  @Test
  void reservedBitOfTheStream_isIgnored() {
    List<Integer> reset = new ArrayList<>();
    FrameScan scan =
        new FrameScan(
            new FrameScan.Frames() {
              @Override
              public void reset(int stream) {
                reset.add(stream);
              }
            },
            0);
    ByteBuffer frame = ByteBuffer.allocate(13);
    frame.put(new byte[] {0, 0, 4, 3, 0}).putInt(0x80000000 | 16_777_217).putInt(8);

    scan.scan(frame, 0);

    assertThat(reset).containsExactly(16_777_217);
  }
}
