// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/** What an event loop has read of a body, for a thread that may block. */
public final class RequestBody extends InputStream {
  private final BlockingQueue<Part> parts = new LinkedBlockingQueue<>();
  private Part current = new Part(new byte[0], false, null);
  private int position;

  /** A part of it has arrived. */
  public void add(ByteBuf bytes) {
    parts.add(new Part(ByteBufUtil.getBytes(bytes), false, null));
  }

  /** Nothing more will arrive, for the reason given if it is cut. */
  public void end(@Nullable IOException failure) {
    parts.add(new Part(new byte[0], true, failure));
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    while (position == current.bytes.length) {
      if (current.failure != null) {
        throw new IOException(current.failure);
      }
      if (current.isLast) {
        return -1;
      }
      try {
        current = parts.take();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted");
      }
      position = 0;
    }
    int count = Math.min(length, current.bytes.length - position);
    System.arraycopy(current.bytes, position, target, offset, count);
    position += count;
    return count;
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Part(byte[] bytes, boolean isLast, @Nullable IOException failure) {}
}
