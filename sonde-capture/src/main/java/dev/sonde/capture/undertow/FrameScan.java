// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import java.nio.ByteBuffer;

/**
 * Finds the frames of one direction of an HTTP/2 connection that say why something ends.
 *
 * <p>Undertow offers no other sight of them. Only the nine bytes before each frame are looked at,
 * and the payload of RST_STREAM and GOAWAY up to their error code (RFC 9113 §4.1, §6.4, §6.8).
 * Bytes of one direction come one after another.
 */
final class FrameScan {
  /** Length of the client's preface (RFC 9113 §3.4). */
  static final int PREFACE_BYTES = 24;

  private static final int HEADER_BYTES = 9;
  private static final int RST_STREAM = 3;
  private static final int GOAWAY = 7;

  private final Frames frames;
  private int skipped;

  /** Bytes of the current header that were seen; all of them within a payload. */
  private int headerBytes;

  private int length;
  private int type;
  private int stream;
  private int payloadBytes;
  private int error;

  /**
   * @param skipped bytes that come before the first frame
   */
  FrameScan(Frames frames, int skipped) {
    this.frames = frames;
    this.skipped = skipped;
  }

  /** Bytes that lie between {@code start} and the buffer's position came by. */
  void scan(ByteBuffer bytes, int start) {
    int end = bytes.position();
    int at = start;
    while (at < end) {
      if (skipped > 0) {
        int rest = Math.min(skipped, end - at);
        skipped -= rest;
        at += rest;
      } else if (headerBytes < HEADER_BYTES) {
        header(bytes.get(at++) & 0xff);
      } else if (payloadBytes < errorEnd()) {
        payload(bytes.get(at++) & 0xff);
      } else {
        int rest = Math.min(length - payloadBytes, end - at);
        payloadBytes += rest;
        at += rest;
      }
      if (headerBytes == HEADER_BYTES && payloadBytes == length) {
        headerBytes = 0;
        length = 0;
        stream = 0;
        payloadBytes = 0;
      }
    }
  }

  private void header(int octet) {
    if (headerBytes < 3) {
      length = length << 8 | octet;
    } else if (headerBytes == 3) {
      type = octet;
    } else if (headerBytes > 4) {
      stream = stream << 8 | octet;
    }
    headerBytes++;
  }

  private void payload(int octet) {
    error = error << 8 | octet;
    payloadBytes++;
    if (payloadBytes == errorEnd()) {
      if (type == RST_STREAM) {
        frames.reset(stream);
      } else {
        frames.goAway(error);
      }
    }
  }

  /** Where in the payload the error code ends, 0 if the frame has none. */
  private int errorEnd() {
    int end = type == RST_STREAM ? 4 : type == GOAWAY ? 8 : 0;
    return Math.min(end, length);
  }

  /** Hears of them, on the thread that reads or writes. */
  interface Frames {
    /** A stream was reset. */
    void reset(int stream);

    /** The connection is given up, for a reason of RFC 9113 §7. */
    void goAway(int error);
  }
}
