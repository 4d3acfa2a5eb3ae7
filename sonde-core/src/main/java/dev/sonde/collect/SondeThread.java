// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.trace.TraceContext;

/**
 * A background thread of Sonde: a daemon whose own work is never observed.
 *
 * <p>A sink that talks to a database or a server through an instrumented client would otherwise
 * produce events by writing events, without end.
 */
public final class SondeThread extends Thread {
  private static final ThreadGroup GROUP = new ThreadGroup("sonde");

  /** Creates the thread, not started; it is always a platform thread. */
  public SondeThread(String name, Runnable work) {
    super(GROUP, work, name, 0, false);
    setDaemon(true);
  }

  /**
   * The group of all threads of Sonde, whose processor time is told as that of the observer. It is
   * one for the process: several Sondes in it tell of their threads together.
   */
  public static ThreadGroup group() {
    return GROUP;
  }

  /** Does its work, suppressed for as long as it lasts. */
  @Override
  public void run() {
    try (TraceContext.Scope ignored = TraceContext.suppress()) {
      super.run();
    }
  }
}
