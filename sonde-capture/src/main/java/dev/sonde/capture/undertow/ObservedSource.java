// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.Conduits;
import org.xnio.conduits.StreamSourceConduit;

/** What comes in on a connection: below all that Undertow puts on it, above TLS. */
final class ObservedSource extends AbstractStreamSourceConduit<StreamSourceConduit> {
  private final ObservedConnection connection;

  /** Of the buffers of one call, which come one at a time. */
  private int[] starts = {};

  ObservedSource(StreamSourceConduit next, ObservedConnection connection) {
    super(next);
    this.connection = connection;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    int start = target.position();
    try {
      int count = next.read(target);
      connection.received(count);
      connection.scanReceived(target, start);
      return count;
    } catch (IOException e) {
      connection.readFailed(e);
      throw e;
    }
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
    boolean isScanned = connection.isScanned();
    if (isScanned) {
      starts = connection.positions(starts, targets, offset, length);
    }
    try {
      long count = next.read(targets, offset, length);
      connection.received(count);
      for (int i = 0; isScanned && i < length && i < starts.length; i++) {
        connection.scanReceived(targets[offset + i], starts[i]);
      }
      return count;
    } catch (IOException e) {
      connection.readFailed(e);
      throw e;
    }
  }

  @Override
  public long transferTo(long position, long count, FileChannel target) throws IOException {
    try {
      long moved = next.transferTo(position, count, target);
      connection.received(moved);
      return moved;
    } catch (IOException e) {
      connection.readFailed(e);
      throw e;
    }
  }

  @Override
  public long transferTo(long count, ByteBuffer throughBuffer, StreamSinkChannel target)
      throws IOException {
    // Otherwise its reads would go past this conduit, or be told twice.
    return Conduits.transfer(this, count, throughBuffer, target);
  }
}
