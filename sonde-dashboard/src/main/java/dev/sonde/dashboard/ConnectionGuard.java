// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.time.MonotonicClock;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the port answering while clients hold connections without sending requests.
 *
 * <p>At most {@link #MAX_CONNECTIONS} are open. When one more comes, the one that has waited
 * longest for its head makes room, then the one that has taken longest over an answer that needed
 * no token; only if all of them read with the token is the new one refused. An answer other than
 * the live stream must be read within ten seconds.
 */
final class ConnectionGuard implements Connection.Listener {
  static final int MAX_CONNECTIONS = 64;

  private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long HEAD_NANOS = TimeUnit.SECONDS.toNanos(5);

  /*
   * Refusing at the limit would let 64 half-open sockets lock everyone out until they time out, and
   * leaving the others in the accept queue does the same more slowly. A reader who means it sends
   * its head at once, so it is never the longest waiting one.
   */
  private final Map<Connection, Slot> slots = new LinkedHashMap<>();
  private final MonotonicClock clock;
  private long evicted;
  private long refused;
  private long expired;

  ConnectionGuard(MonotonicClock clock) {
    this.clock = clock;
  }

  @Override
  public void onOpened(Connection connection) {
    Connection victim = null;
    synchronized (this) {
      if (slots.size() >= MAX_CONNECTIONS) {
        victim = longest(false);
        if (victim == null) {
          victim = longest(true);
        }
        if (victim == null) {
          refused++;
          victim = connection;
        } else {
          evicted++;
          slots.remove(victim);
        }
      }
      if (victim != connection) {
        slots.put(connection, new Slot(clock.nanoTime()));
      }
    }
    if (victim != null) {
      victim.getEndPoint().close();
    }
  }

  @Override
  public synchronized void onClosed(Connection connection) {
    slots.remove(connection);
  }

  /** Marks the request's connection as being answered until the request ends. */
  void answering(Request request) {
    Connection connection = request.getConnectionMetaData().getConnection();
    synchronized (this) {
      Slot slot = slots.get(connection);
      if (slot == null) {
        return;
      }
      slot.isAnswering = true;
      slot.isTrusted = false;
      slot.isStream = false;
      slot.since = clock.nanoTime();
    }
    Request.addCompletionListener(request, failure -> answered(connection));
  }

  /** Notes that the request under way came with the token, and whether it asked for the stream. */
  synchronized void trusted(Request request, boolean isStream) {
    Slot slot = slots.get(request.getConnectionMetaData().getConnection());
    if (slot != null && slot.isAnswering) {
      slot.isTrusted = true;
      slot.isStream = isStream;
    }
  }

  private synchronized void answered(Connection connection) {
    Slot slot = slots.get(connection);
    if (slot != null) {
      slot.isAnswering = false;
      slot.bytesIn = connection.getBytesIn();
      slot.since = clock.nanoTime();
      slot.isHeadDue = false;
    }
  }

  /** Closes connections whose head or reading is overdue; called several times a second. */
  void sweep() {
    while (true) {
      Connection overdue;
      synchronized (this) {
        overdue = takeOverdue();
      }
      if (overdue == null) {
        return;
      }
      overdue.getEndPoint().close();
    }
  }

  private @Nullable Connection takeOverdue() {
    long now = clock.nanoTime();
    for (Map.Entry<Connection, Slot> entry : slots.entrySet()) {
      Slot slot = entry.getValue();
      if (slot.isAnswering) {
        if (!slot.isStream && now - slot.since >= ANSWER_NANOS) {
          expired++;
          slots.remove(entry.getKey());
          return entry.getKey();
        }
        continue;
      }
      if (!slot.isHeadDue && entry.getKey().getBytesIn() > slot.bytesIn) {
        slot.isHeadDue = true;
        slot.headDueSince = now;
      }
      if (slot.isHeadDue && now - slot.headDueSince >= HEAD_NANOS) {
        expired++;
        slots.remove(entry.getKey());
        return entry.getKey();
      }
    }
    return null;
  }

  /** The longest waiting one, or the one longest at an answer that needed no token. */
  private @Nullable Connection longest(boolean isAnswering) {
    Connection longest = null;
    long since = Long.MAX_VALUE;
    long now = clock.nanoTime();
    for (Map.Entry<Connection, Slot> entry : slots.entrySet()) {
      Slot slot = entry.getValue();
      boolean isCandidate = slot.isAnswering == isAnswering && !(isAnswering && slot.isTrusted);
      if (isCandidate && slot.since - now < since) {
        longest = entry.getKey();
        since = slot.since - now;
      }
    }
    return longest;
  }

  /** Connections open now. */
  synchronized int open() {
    return slots.size();
  }

  /** Connections whose answer is under way. */
  synchronized long answering() {
    return slots.values().stream().filter(slot -> slot.isAnswering).count();
  }

  /** Connections closed to make room for a newer one. */
  synchronized long evicted() {
    return evicted;
  }

  /** Connections refused because all others were reading with the token. */
  synchronized long refused() {
    return refused;
  }

  /** Connections closed because their head took five seconds or their answer ten. */
  synchronized long expired() {
    return expired;
  }

  /** What is known of one connection; guarded by the guard's monitor. */
  private static final class Slot {
    private boolean isAnswering;
    private boolean isTrusted;
    private boolean isStream;

    /** The first head is due from the moment of the accept, a later one from its first byte. */
    private boolean isHeadDue = true;

    private long headDueSince;

    /** Since when it waits for a head, or is being answered. */
    private long since;

    private long bytesIn;

    Slot(long openedAt) {
      headDueSince = openedAt;
      since = openedAt;
    }
  }
}
