// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.dashboard.view.Views;
import dev.sonde.time.MonotonicClock;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * Sends the same frames to every page that is open, as server-sent events.
 *
 * <p>A frame is made once, whatever the number of readers. A reader that does not keep up misses
 * frames, is told how many, and is disconnected when it has taken nothing for ten seconds.
 */
final class LiveStream {
  static final int MAX_READERS = 16;

  private final List<LiveReader> readers = new ArrayList<>();
  private final Views views;
  private final MonotonicClock clock;
  private boolean isWatched;
  private long beats;
  private long kicked;
  private long framesSkipped;

  LiveStream(Views views, MonotonicClock clock) {
    this.views = views;
    this.clock = clock;
  }

  /** Adds a reader, unless all places are taken. */
  boolean join(Request request, Response response, Callback callback) {
    // The head comes first: once the reader is listed, a beat may write to it at any moment.
    response.setStatus(200);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    response.getHeaders().put("X-Accel-Buffering", "no");
    // Silence is this stream's business: a reader is judged by what it takes, not by what it sends.
    request.addIdleTimeoutListener(timeout -> false);
    LiveReader reader = new LiveReader(request, response, callback, clock, this::leave);
    synchronized (this) {
      if (readers.size() >= MAX_READERS) {
        return false;
      }
      readers.add(reader);
    }
    reader.offer(frame("tick", views.tick()));
    return true;
  }

  /** Called four times a second by the dashboard's timer. */
  void beat() {
    List<LiveReader> current;
    synchronized (this) {
      beats++;
      if (readers.isEmpty()) {
        isWatched = false;
        return;
      }
      current = List.copyOf(readers);
    }
    byte[] json = views.news(!isWatched);
    isWatched = true;
    if (json != null) {
      offer(current, frame("requests", json));
    }
    if (beats % 4 == 0) {
      offer(current, frame("tick", views.tick()));
    }
    for (LiveReader reader : current) {
      if (reader.kickIfStuck()) {
        synchronized (this) {
          kicked++;
        }
      }
    }
  }

  private void offer(List<LiveReader> current, ByteBuffer frame) {
    long skipped = 0;
    for (LiveReader reader : current) {
      skipped += reader.offer(frame) ? 0 : 1;
    }
    if (skipped > 0) {
      synchronized (this) {
        framesSkipped += skipped;
      }
    }
  }

  /** Ends all streams. */
  void close() {
    List<LiveReader> current;
    synchronized (this) {
      current = List.copyOf(readers);
    }
    current.forEach(LiveReader::close);
  }

  private synchronized void leave(LiveReader reader) {
    readers.remove(reader);
  }

  synchronized int readers() {
    return readers.size();
  }

  /** Readers disconnected because they took nothing for ten seconds. */
  synchronized long kicked() {
    return kicked;
  }

  /** Frames that slow readers did not get. */
  synchronized long framesSkipped() {
    return framesSkipped;
  }

  static ByteBuffer frame(String event, byte[] json) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(json.length + 32);
    out.writeBytes(("event: " + event + "\ndata: ").getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(json);
    out.writeBytes(new byte[] {'\n', '\n'});
    return ByteBuffer.wrap(out.toByteArray()).asReadOnlyBuffer();
  }
}
