// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.xnio.channels.StreamSourceChannel;
import org.xnio.conduits.AbstractStreamSinkConduit;
import org.xnio.conduits.Conduits;
import org.xnio.conduits.StreamSinkConduit;

/** What goes out on a connection: below all that Undertow puts on it, above TLS. */
final class ObservedSink extends AbstractStreamSinkConduit<StreamSinkConduit> {
  private final ObservedConnection connection;

  /** Of the buffers of one call, which come one at a time. */
  private int[] starts = {};

  ObservedSink(StreamSinkConduit next, ObservedConnection connection) {
    super(next);
    this.connection = connection;
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int start = source.position();
    boolean isFraming = connection.beginFrames();
    try {
      int count = next.write(source);
      connection.sent(count);
      connection.scanSent(source, start);
      return count;
    } catch (IOException e) {
      connection.writeFailed(e);
      throw e;
    } finally {
      if (isFraming) {
        connection.endFrames();
      }
    }
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    boolean isScanned = connection.isScanned();
    if (isScanned) {
      starts = connection.positions(starts, sources, offset, length);
    }
    boolean isFraming = connection.beginFrames();
    try {
      long count = next.write(sources, offset, length);
      connection.sent(count);
      for (int i = 0; isScanned && i < length && i < starts.length; i++) {
        connection.scanSent(sources[offset + i], starts[i]);
      }
      return count;
    } catch (IOException e) {
      connection.writeFailed(e);
      throw e;
    } finally {
      if (isFraming) {
        connection.endFrames();
      }
    }
  }

  @Override
  public int writeFinal(ByteBuffer source) throws IOException {
    return Conduits.writeFinalBasic(this, source);
  }

  @Override
  public long writeFinal(ByteBuffer[] sources, int offset, int length) throws IOException {
    return Conduits.writeFinalBasic(this, sources, offset, length);
  }

  @Override
  public long transferFrom(FileChannel source, long position, long count) throws IOException {
    try {
      long moved = next.transferFrom(source, position, count);
      connection.sent(moved);
      return moved;
    } catch (IOException e) {
      connection.writeFailed(e);
      throw e;
    }
  }

  @Override
  public long transferFrom(StreamSourceChannel source, long count, ByteBuffer throughBuffer)
      throws IOException {
    return Conduits.transfer(source, count, throughBuffer, this);
  }

  @Override
  public boolean flush() throws IOException {
    try {
      return next.flush();
    } catch (IOException e) {
      connection.writeFailed(e);
      throw e;
    }
  }
}
