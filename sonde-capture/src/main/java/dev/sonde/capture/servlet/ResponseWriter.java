// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/** Counts, as the bytes that they become, the characters that the application writes. */
final class ResponseWriter extends PrintWriter {
  private final PrintWriter own;
  private final ObservedResponse response;

  /**
   * @param own the container's, which does the encoding
   * @param charset by which it encodes
   */
  ResponseWriter(PrintWriter own, Charset charset, ObservedResponse response) {
    super(new Counting(own, charset, response));
    this.own = own;
    this.response = response;
  }

  @Override
  public boolean checkError() {
    boolean hasFailed = own.checkError();
    if (hasFailed) {
      response.broken(null);
    }
    return super.checkError() || hasFailed;
  }

  /** What the characters go through. */
  private static final class Counting extends Writer {
    private final PrintWriter own;
    private final Charset charset;
    private final boolean isUtf8;
    private final boolean hasOneByteEach;
    private final ObservedResponse response;

    Counting(PrintWriter own, Charset charset, ObservedResponse response) {
      this.own = own;
      this.charset = charset;
      this.response = response;
      isUtf8 = charset.equals(StandardCharsets.UTF_8);
      hasOneByteEach = charset.canEncode() && charset.newEncoder().maxBytesPerChar() == 1;
    }

    @Override
    public void write(char[] chars, int offset, int count) {
      own.write(chars, offset, count);
      response.written(bytes(chars, offset, count));
    }

    @Override
    public void flush() {
      own.flush();
      response.flushed();
    }

    @Override
    public void close() throws IOException {
      own.close();
      response.written(0);
    }

    private long bytes(char[] chars, int offset, int count) {
      if (hasOneByteEach) {
        return count;
      }
      if (!isUtf8) {
        return new String(chars, offset, count).getBytes(charset).length;
      }
      long bytes = 0;
      for (int i = offset; i < offset + count; i++) {
        char c = chars[i];
        // Each half of a pair is two of its four bytes.
        bytes += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
      }
      return bytes;
    }
  }
}
