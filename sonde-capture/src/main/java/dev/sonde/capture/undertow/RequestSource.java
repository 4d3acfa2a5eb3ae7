// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import dev.sonde.capture.Exchange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.AbstractStreamSourceConduit;
import org.xnio.conduits.Conduits;
import org.xnio.conduits.StreamSourceConduit;

/** The body of a request, counted as it is read: without framing, before it is decoded. */
final class RequestSource extends AbstractStreamSourceConduit<StreamSourceConduit> {
  private final Exchange exchange;

  RequestSource(StreamSourceConduit next, Exchange exchange) {
    super(next);
    this.exchange = exchange;
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    return (int) counted(next.read(target));
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
    return counted(next.read(targets, offset, length));
  }

  @Override
  public long transferTo(long position, long count, FileChannel target) throws IOException {
    return counted(next.transferTo(position, count, target));
  }

  @Override
  public long transferTo(long count, ByteBuffer throughBuffer, StreamSinkChannel target)
      throws IOException {
    return Conduits.transfer(this, count, throughBuffer, target);
  }

  private long counted(long count) {
    try {
      exchange.bytesIn(Math.max(0, count));
    } catch (Throwable t) {
      exchange.connection().listener().fault(t);
    }
    return count;
  }
}
