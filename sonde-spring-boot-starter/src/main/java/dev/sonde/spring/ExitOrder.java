// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import java.lang.System.Logger.Level;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.SpringApplication;

/**
 * Has the exit of the process wait with closing Sonde until the application has closed.
 *
 * <p>Boot closes it on an exit hook of its own, beside Sonde's; its last requests are to be
 * counted. Boot runs its shutdown handlers after all contexts, also those that it was told not to
 * close: then there is nothing to wait for.
 */
final class ExitOrder implements DisposableBean {
  /** Twice the time that Boot gives a graceful shutdown. */
  private static final long LONGEST_SECONDS = 60;

  private final CountDownLatch applicationClosed = new CountDownLatch(1);
  private final Runnable handler = applicationClosed::countDown;

  ExitOrder(Sonde sonde) {
    if (sonde.isEnabled()) {
      SpringApplication.getShutdownHandlers().add(handler);
      sonde.beforeExit(this::await);
    }
  }

  private void await() {
    try {
      if (!applicationClosed.await(LONGEST_SECONDS, TimeUnit.SECONDS)) {
        log("The application did not close in " + LONGEST_SECONDS + " s; Sonde closes before it");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void destroy() {
    applicationClosed.countDown();
    try {
      SpringApplication.getShutdownHandlers().remove(handler);
    } catch (IllegalStateException exiting) {
      log("The process is exiting, the shutdown handler stays");
    }
  }

  private static void log(String message) {
    System.getLogger("dev.sonde.spring").log(Level.DEBUG, message);
  }
}
