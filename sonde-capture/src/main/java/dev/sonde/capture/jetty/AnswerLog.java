// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.component.ContainerLifeCycle;
import org.jspecify.annotations.Nullable;

/**
 * Finds the answers that the server gave by itself: heads that could not be parsed.
 *
 * <p>It stands before the application's own log, which lives and is called as it would be alone.
 */
final class AnswerLog extends ContainerLifeCycle implements RequestLog {
  private final SondeJetty jetty;
  private final @Nullable RequestLog next;

  AnswerLog(SondeJetty jetty, @Nullable RequestLog next) {
    this.jetty = jetty;
    this.next = next;
    if (next != null) {
      addBean(next);
    }
  }

  @Override
  public void log(Request request, Response response) {
    // Only the last one installed: the application may have put an earlier one into its own log.
    if (jetty.answers() == this) {
      observe(request, response);
    }
    if (next != null) {
      next.log(request, response);
    }
  }

  private void observe(Request request, Response response) {
    ObservedConnection connection = jetty.find(request);
    if (connection != null) {
      try {
        if (connection.find(request) == null) {
          connection.answered(request, response.getStatus());
        }
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }
}
