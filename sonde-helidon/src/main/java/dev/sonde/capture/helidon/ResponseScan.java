// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.BufferData;

/**
 * Counts the body of one response of HTTP/1 as its bytes go out.
 *
 * <p>Looked at are the head, which Helidon writes in one piece, and the sizes of chunks (RFC 9112
 * §7.1); what lies between is passed over.
 */
final class ResponseScan {
  private static final String VERSION = "HTTP/1.";
  private static final String CHUNKED = "transfer-encoding:";

  /** Where the status stands in a status line. */
  private static final int STATUS = 9;

  private static final int SWITCHING_PROTOCOLS = 101;

  private boolean isInHead = true;
  private boolean isChunked;
  private int status;
  private long bodyBytes;

  /** Of the chunk that is going out, with the end of its line. */
  private long chunkLeft;

  private long chunkSize;
  private boolean isInExtension;
  private boolean isOver;

  /** Status of the head that was written, an interim one excepted; 0 before. */
  int status() {
    return status;
  }

  long bodyBytes() {
    return bodyBytes;
  }

  /** The next one begins. */
  void reset() {
    isInHead = true;
    isChunked = false;
    status = 0;
    bodyBytes = 0;
    chunkLeft = 0;
    chunkSize = 0;
    isInExtension = false;
    isOver = false;
  }

  void scan(BufferData bytes) {
    int end = bytes.available();
    int at = 0;
    while (isInHead && at < end) {
      at = head(bytes, at, end);
    }
    if (!isChunked) {
      bodyBytes += end - at;
      return;
    }
    while (at < end && !isOver) {
      if (chunkLeft > 0) {
        long passed = Math.min(chunkLeft, end - at);
        chunkLeft -= passed;
        at += (int) passed;
      } else {
        size(bytes.get(at++));
      }
    }
  }

  /** Reads a head; returns where it ends. */
  private int head(BufferData bytes, int begin, int end) {
    int told = startsWith(bytes, begin, end, VERSION) ? status(bytes, begin + STATUS, end) : 0;
    boolean chunked = false;
    int at = begin;
    int line = begin;
    while (at < end) {
      if (bytes.get(at++) == '\n') {
        if (at - line <= 2) {
          break;
        }
        line = at;
        chunked |= startsWith(bytes, at, end, CHUNKED);
      }
    }
    isInHead = told >= 100 && told < 200 && told != SWITCHING_PROTOCOLS;
    if (!isInHead) {
      status = told;
      isChunked = chunked;
    }
    return at;
  }

  private void size(int octet) {
    int digit = Character.digit(octet, 16);
    if (octet == '\n') {
      isOver = chunkSize == 0;
      bodyBytes += chunkSize;
      chunkLeft = chunkSize + 2;
      chunkSize = 0;
      isInExtension = false;
    } else if (digit < 0) {
      isInExtension = true;
    } else if (!isInExtension) {
      chunkSize = chunkSize << 4 | digit;
    }
  }

  private static int status(BufferData bytes, int at, int end) {
    int value = 0;
    for (int i = at; i < Math.min(at + 3, end); i++) {
      value = value * 10 + (bytes.get(i) - '0');
    }
    return value;
  }

  /** Whether the text stands there, whatever its case. */
  private static boolean startsWith(BufferData bytes, int at, int end, String lowerCase) {
    if (end - at < lowerCase.length()) {
      return false;
    }
    for (int i = 0; i < lowerCase.length(); i++) {
      if (Character.toLowerCase(bytes.get(at + i)) != Character.toLowerCase(lowerCase.charAt(i))) {
        return false;
      }
    }
    return true;
  }
}
