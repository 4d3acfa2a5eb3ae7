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

  @Test
  void bodiesAndEnds_areTheSameHoweverTheBytesCome() {
    byte[] bytes = {
      'P',
      'R',
      'I', //
      0,
      0,
      2,
      1,
      4,
      0,
      0,
      0,
      3,
      'h',
      'h', // HEADERS
      0,
      0,
      5,
      0,
      8,
      0,
      0,
      0,
      3,
      2,
      'b',
      'o',
      0,
      0, // DATA, padded
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      3, // DATA, the last
      0,
      0,
      9,
      7,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      3,
      0,
      0,
      0,
      11,
      '!' // GOAWAY
    };
    List<String> told = new ArrayList<>();
    FrameScan whole = new FrameScan(recording(told), 3);
    FrameScan single = new FrameScan(recording(told), 3);

    whole.scan(bytes.length, index -> bytes[index]);
    List<String> toldByWhole = List.copyOf(told);
    told.clear();
    for (byte octet : bytes) {
      single.scan(ByteBuffer.allocate(1).put(octet), 0);
    }

    assertThat(toldByWhole)
        .containsExactly("head 3", "data 3 2", "data 3 0", "end 3", "goaway 11")
        .isEqualTo(told);
  }

  private static FrameScan.Frames recording(List<String> told) {
    return new FrameScan.Frames() {
      @Override
      public void head(int stream) {
        told.add("head " + stream);
      }

      @Override
      public void data(int stream, int bodyBytes) {
        told.add("data " + stream + " " + bodyBytes);
      }

      @Override
      public void end(int stream) {
        told.add("end " + stream);
      }

      @Override
      public void goAway(int error) {
        told.add("goaway " + error);
      }
    };
  }
}
