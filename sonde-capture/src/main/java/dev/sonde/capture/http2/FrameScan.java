// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.http2;

import java.nio.ByteBuffer;
import java.util.function.IntUnaryOperator;

/**
 * Finds the frames of one direction of an HTTP/2 connection that say how something ends.
 *
 * <p>For servers that offer no other sight of them. Only the nine bytes before each frame are
 * looked at, and of the payload the error code of RST_STREAM and GOAWAY and the length of padding
 * (RFC 9113 §4.1, §6). Bytes of one direction come one after another.
 */
public final class FrameScan {
  /** Length of the client's preface (RFC 9113 §3.4). */
  public static final int PREFACE_BYTES = 24;

  private static final int HEADER_BYTES = 9;
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int GOAWAY = 7;
  private static final int END_STREAM = 1;
  private static final int PADDED = 8;

  /** All but the reserved one, which is to be ignored. */
  private static final int STREAM_BITS = 0x7fffffff;

  private final Frames frames;
  private int skipped;

  /** Bytes of the current header that were seen; all of them within a payload. */
  private int headerBytes;

  private int length;
  private int type;
  private int flags;
  private int stream;
  private int payloadBytes;

  /** The last of the octets of the payload that were looked at. */
  private int value;

  /**
   * @param skipped bytes that come before the first frame
   */
  public FrameScan(Frames frames, int skipped) {
    this.frames = frames;
    this.skipped = skipped;
  }

  /** Bytes that lie between {@code start} and the buffer's position came by. */
  public void scan(ByteBuffer bytes, int start) {
    int end = bytes.position();
    int at = start;
    while (at < end) {
      int rest = unseen();
      if (rest > 0) {
        at += pass(Math.min(rest, end - at));
      } else {
        see(bytes.get(at++) & 0xff);
      }
    }
  }

  /** So many bytes came by; {@code octetAt} gives each of them, of which few are asked for. */
  public void scan(int count, IntUnaryOperator octetAt) {
    int at = 0;
    while (at < count) {
      int rest = unseen();
      if (rest > 0) {
        at += pass(Math.min(rest, count - at));
      } else {
        see(octetAt.applyAsInt(at++) & 0xff);
      }
    }
  }

  /** How many bytes come now that are not looked at. */
  private int unseen() {
    if (skipped > 0) {
      return skipped;
    }
    return headerBytes < HEADER_BYTES || payloadBytes < valueEnd() ? 0 : length - payloadBytes;
  }

  private int pass(int count) {
    if (skipped > 0) {
      skipped -= count;
    } else {
      payloadBytes += count;
      endIfWhole();
    }
    return count;
  }

  private void see(int octet) {
    if (headerBytes < HEADER_BYTES) {
      header(octet);
    } else {
      value = value << 8 | octet;
      payloadBytes++;
    }
    endIfWhole();
  }

  private void endIfWhole() {
    if (headerBytes == HEADER_BYTES && payloadBytes == length) {
      tell();
      headerBytes = 0;
      length = 0;
      stream = 0;
      payloadBytes = 0;
      value = 0;
    }
  }

  private void header(int octet) {
    switch (headerBytes) {
      case 0, 1, 2 -> length = length << 8 | octet;
      case 3 -> type = octet;
      case 4 -> flags = octet;
      default -> stream = (stream << 8 | octet) & STREAM_BITS;
    }
    headerBytes++;
  }

  /** Where in the payload the value ends that is looked at, 0 if there is none. */
  private int valueEnd() {
    int end =
        switch (type) {
          case DATA -> (flags & PADDED) == 0 ? 0 : 1;
          case RST_STREAM -> 4;
          case GOAWAY -> 8;
          default -> 0;
        };
    return Math.min(end, length);
  }

  /** A frame has come by as a whole. */
  private void tell() {
    switch (type) {
      case DATA -> {
        int padding = (flags & PADDED) == 0 ? 0 : 1 + value;
        frames.data(stream, Math.max(0, length - padding));
        tellEnd();
      }
      case HEADERS -> {
        frames.head(stream);
        tellEnd();
      }
      case RST_STREAM -> frames.reset(stream);
      case GOAWAY -> frames.goAway(value);
      default -> {
        // Says nothing of an end.
      }
    }
  }

  private void tellEnd() {
    if ((flags & END_STREAM) != 0) {
      frames.end(stream);
    }
  }

  /** Hears of them, on the thread that reads or writes. */
  public interface Frames {
    /** The head of a message, an interim one and trailers included. */
    default void head(int stream) {}

    /** A piece of a body. */
    default void data(int stream, int bodyBytes) {}

    /** A body has ended. */
    default void end(int stream) {}

    /** A stream was reset. */
    default void reset(int stream) {}

    /** The connection is given up, for a reason of RFC 9113 §7. */
    default void goAway(int error) {}
  }
}
