// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import java.nio.ByteBuffer;

/**
 * Reads in the server's own GOAWAY why it gives up an HTTP/2 connection.
 *
 * <p>Tomcat offers no other sight of it. Only the nine bytes before each frame are looked at, and
 * the eight of a GOAWAY (RFC 9113 §4.1, §6.8); Tomcat writes one thing after another.
 */
final class GoAwayScan {
  private static final int HEADER_BYTES = 9;
  private static final int GOAWAY = 7;
  private static final int GOAWAY_BYTES = 8;
  private static final int NO_ERROR = 0;
  private static final int ENHANCE_YOUR_CALM = 11;

  private final ConnectionState state;

  /** Bytes of the current header that were seen; all of them within a payload. */
  private int headerBytes;

  private int type;
  private int length;
  private int payloadBytes;
  private int error;

  GoAwayScan(ConnectionState state) {
    this.state = state;
  }

  /** Bytes of {@code source} were sent, from {@code start} to its position. */
  void sent(ByteBuffer source, int start) {
    int end = source.position();
    int at = start;
    while (at < end) {
      if (headerBytes < HEADER_BYTES) {
        header(source.get(at++) & 0xff);
      } else if (type == GOAWAY && payloadBytes < GOAWAY_BYTES) {
        goAway(source.get(at++) & 0xff);
      } else {
        int rest = Math.min(length - payloadBytes, end - at);
        at += rest;
        payloadBytes += rest;
      }
      if (headerBytes == HEADER_BYTES && payloadBytes == length) {
        headerBytes = 0;
        length = 0;
        payloadBytes = 0;
      }
    }
  }

  private void header(int octet) {
    if (headerBytes < 3) {
      length = length << 8 | octet;
    } else if (headerBytes == 3) {
      type = octet;
    }
    headerBytes++;
  }

  private void goAway(int octet) {
    error = payloadBytes < 4 ? 0 : error << 8 | octet;
    payloadBytes++;
    if (payloadBytes == GOAWAY_BYTES && error != NO_ERROR) {
      state.hint(error == ENHANCE_YOUR_CALM ? CloseHint.RAPID_RESET : CloseHint.PROTOCOL_ERROR);
    }
  }
}
