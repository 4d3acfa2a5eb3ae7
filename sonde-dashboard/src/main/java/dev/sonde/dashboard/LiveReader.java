// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.time.MonotonicClock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** One open page: a bounded queue of frames and at most one write under way. */
final class LiveReader implements Callback {
  private static final int MAX_FRAMES = 8;
  private static final int MAX_BYTES = 256 * 1024;
  private static final long STUCK_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Request request;
  private final Response response;
  private final Callback end;
  private final MonotonicClock clock;
  private final Consumer<LiveReader> onLeave;
  private final Queue<ByteBuffer> waiting = new ArrayDeque<>();
  private long waitingBytes;
  private long skipped;
  private long writingSince;
  private boolean isWriting;
  private boolean isClosing;
  private boolean isEnded;

  LiveReader(
      Request request,
      Response response,
      Callback end,
      MonotonicClock clock,
      Consumer<LiveReader> onLeave) {
    this.request = request;
    this.response = response;
    this.end = end;
    this.clock = clock;
    this.onLeave = onLeave;
  }

  /** Queues a frame; false if it was skipped because the reader is too far behind. */
  boolean offer(ByteBuffer frame) {
    synchronized (this) {
      if (isEnded || isClosing) {
        return true;
      }
      boolean isFull = waiting.size() >= MAX_FRAMES || waitingBytes > MAX_BYTES;
      if (isFull) {
        skipped++;
        return false;
      }
      if (skipped > 0) {
        String word = "{\"frames\":" + skipped + "}";
        enqueue(LiveStream.frame("skipped", word.getBytes(StandardCharsets.US_ASCII)));
        skipped = 0;
      }
      enqueue(frame.duplicate());
    }
    writeNext();
    return true;
  }

  private void enqueue(ByteBuffer frame) {
    waiting.add(frame);
    waitingBytes += frame.remaining();
  }

  private void writeNext() {
    ByteBuffer frame;
    boolean isLast;
    synchronized (this) {
      if (isWriting || isEnded) {
        return;
      }
      frame = waiting.poll();
      isLast = frame == null && isClosing;
      if (frame == null && !isLast) {
        return;
      }
      waitingBytes -= frame == null ? 0 : frame.remaining();
      isWriting = true;
      writingSince = clock.nanoTime();
    }
    response.write(isLast, frame, this);
  }

  @Override
  public void succeeded() {
    boolean isDone;
    synchronized (this) {
      isWriting = false;
      isDone = isClosing && waiting.isEmpty() && response.hasLastWrite();
    }
    if (isDone) {
      leave(null);
    } else {
      writeNext();
    }
  }

  @Override
  public void failed(Throwable cause) {
    leave(cause);
  }

  @Override
  public InvocationType getInvocationType() {
    return InvocationType.NON_BLOCKING;
  }

  /** Disconnects the reader if its write has not moved for ten seconds. */
  boolean kickIfStuck() {
    synchronized (this) {
      if (!isWriting || isEnded || clock.nanoTime() - writingSince < STUCK_NANOS) {
        return false;
      }
    }
    request.getConnectionMetaData().getConnection().getEndPoint().close();
    return true;
  }

  /** Ends the stream after what is queued. */
  void close() {
    synchronized (this) {
      isClosing = true;
      waiting.clear();
      waitingBytes = 0;
    }
    writeNext();
  }

  private void leave(@Nullable Throwable cause) {
    synchronized (this) {
      if (isEnded) {
        return;
      }
      isEnded = true;
      waiting.clear();
    }
    onLeave.accept(this);
    if (cause == null) {
      end.succeeded();
    } else {
      end.failed(cause);
    }
  }
}
