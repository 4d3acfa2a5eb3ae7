// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/** A socket that tells its bytes, its time-outs and who closed it. */
final class ObservedEndPoint extends SocketChannelEndPoint {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final ConnectorWatch watch;
  private final int workerId;
  private volatile @Nullable ObservedConnection connection;

  ObservedEndPoint(
      SocketChannel channel,
      ManagedSelector selector,
      SelectionKey key,
      Scheduler scheduler,
      ConnectorWatch watch,
      int workerId) {
    super(channel, selector, key, scheduler);
    this.watch = watch;
    this.workerId = workerId;
  }

  @Nullable ObservedConnection observed() {
    return connection;
  }

  @Override
  public void onOpen() {
    connection = watch.opened(this, workerId);
    super.onOpen();
  }

  @Override
  public int fill(ByteBuffer buffer) throws IOException {
    boolean wasOpen = !isInputShutdown();
    int filled = super.fill(buffer);
    ObservedConnection observed = connection;
    if (observed != null) {
      if (filled > 0) {
        observed.received(filled);
      } else if (filled < 0 && wasOpen) {
        observed.peerLeft(resetOrNull());
      }
    }
    return filled;
  }

  @Override
  public boolean flush(ByteBuffer... buffers) throws IOException {
    ObservedConnection observed = connection;
    if (observed == null) {
      return super.flush(buffers);
    }
    long before = remaining(buffers);
    try {
      boolean isFlushed = super.flush(buffers);
      observed.flushed(isFlushed);
      return isFlushed;
    } catch (EofException e) {
      if (!(e.getCause() instanceof ClosedChannelException)) {
        observed.peerLeft(e);
      }
      throw e;
    } finally {
      observed.sent(before - remaining(buffers));
    }
  }

  @Override
  protected void doShutdownOutput() {
    ObservedConnection observed = connection;
    if (observed != null) {
      observed.outputShut();
    }
    super.doShutdownOutput();
  }

  @Override
  protected void onIdleExpired(TimeoutException timeout) {
    ObservedConnection observed = connection;
    if (observed != null) {
      try {
        observed.idleExpired(getWriteFlusher().isPending(), isFillInterested());
      } catch (Throwable t) {
        observed.fault(t);
      }
    }
    super.onIdleExpired(timeout);
  }

  @Override
  public void onClose(@Nullable Throwable cause) {
    try {
      super.onClose(cause);
    } finally {
      ObservedConnection observed = connection;
      if (observed != null) {
        observed.endPointClosed(cause);
      }
    }
  }

  /**
   * The peer's reset, or null after an orderly end.
   *
   * <p>Jetty turns a reset into an end of stream. The JDK's channel repeats it for every later
   * read.
   */
  private @Nullable IOException resetOrNull() {
    try {
      int unused = getChannel().read(NOTHING);
      return null;
    } catch (ClosedChannelException e) {
      return null;
    } catch (IOException e) {
      return e;
    }
  }

  private static long remaining(ByteBuffer[] buffers) {
    long bytes = 0;
    for (ByteBuffer buffer : buffers) {
      bytes += buffer.remaining();
    }
    return bytes;
  }
}
