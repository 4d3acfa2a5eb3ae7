// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.trace.TraceContext;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A background thread of Sonde: a daemon whose own work is never observed.
 *
 * <p>A sink that talks to a database or a server through an instrumented client would otherwise
 * produce events by writing events, without end.
 */
public final class SondeThread extends Thread {
  private static final Set<SondeThread> RUNNING = ConcurrentHashMap.newKeySet();

  /** Creates the thread, not started; it is always a platform thread. */
  public SondeThread(String name, Runnable work) {
    super(null, work, name, 0, false);
    setDaemon(true);
  }

  /** Does its work, suppressed for as long as it lasts. */
  @Override
  public void run() {
    RUNNING.add(this);
    try (TraceContext.Scope ignored = TraceContext.suppress()) {
      super.run();
    } finally {
      RUNNING.remove(this);
    }
  }

  /** Whether the calling thread does Sonde's own work, so that nothing it does is an event. */
  public static boolean isSuppressed() {
    return TraceContext.isSuppressed();
  }

  /** The threads that work now, of every instance in this process. */
  public static Collection<SondeThread> running() {
    return List.copyOf(RUNNING);
  }
}
