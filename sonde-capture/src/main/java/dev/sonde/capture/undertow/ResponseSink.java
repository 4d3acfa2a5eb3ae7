// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.xnio.Buffers;
import org.xnio.channels.StreamSourceChannel;
import org.xnio.conduits.AbstractStreamSinkConduit;
import org.xnio.conduits.Conduits;
import org.xnio.conduits.StreamSinkConduit;

/** The body of a response, after its encodings and before its framing. */
final class ResponseSink extends AbstractStreamSinkConduit<StreamSinkConduit> {
  private final ObservedRequest request;

  // Written by one thread at a time, read by whoever closes the connection.
  private volatile long bytes;
  private volatile boolean isEnded;
  private volatile boolean isCut;
  private volatile boolean isFlushed;

  ResponseSink(StreamSinkConduit next, ObservedRequest request) {
    super(next);
    this.request = request;
  }

  /** Bytes that went out so far. */
  long bytes() {
    return bytes;
  }

  /**
   * Whether nothing of it is missing.
   *
   * @param length bytes that were announced, or -1 if none were: then its end tells
   */
  boolean isWhole(long length) {
    return !isCut && (length < 0 ? isEnded : bytes == length);
  }

  /** Whether nothing that was written waits in a buffer of Undertow's. */
  boolean isFlushed() {
    return isFlushed;
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int count = next.write(source);
    wrote(count);
    return count;
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    return wrote(next.write(sources, offset, length));
  }

  @Override
  public int writeFinal(ByteBuffer source) throws IOException {
    int count = next.writeFinal(source);
    isEnded = !source.hasRemaining();
    wrote(count);
    return count;
  }

  @Override
  public long writeFinal(ByteBuffer[] sources, int offset, int length) throws IOException {
    long count = next.writeFinal(sources, offset, length);
    isEnded = !Buffers.hasRemaining(sources, offset, length);
    return wrote(count);
  }

  @Override
  public long transferFrom(FileChannel source, long position, long count) throws IOException {
    return wrote(next.transferFrom(source, position, count));
  }

  @Override
  public long transferFrom(StreamSourceChannel source, long count, ByteBuffer throughBuffer)
      throws IOException {
    return Conduits.transfer(source, count, throughBuffer, this);
  }

  @Override
  public boolean flush() throws IOException {
    // It may end the request at once, in here.
    boolean isDone = next.flush();
    if (isDone) {
      isFlushed = true;
      request.progress(bytes);
    }
    return isDone;
  }

  @Override
  public void terminateWrites() throws IOException {
    try {
      // It may end the request at once, in here.
      isEnded = true;
      next.terminateWrites();
    } catch (IOException | RuntimeException e) {
      isCut = true;
      throw e;
    }
  }

  @Override
  public void truncateWrites() throws IOException {
    if (!isEnded) {
      isCut = true;
    }
    next.truncateWrites();
  }

  private long wrote(long count) {
    if (count > 0) {
      long sent = bytes + count;
      bytes = sent;
      isFlushed = false;
      request.progress(sent);
    }
    return count;
  }
}
