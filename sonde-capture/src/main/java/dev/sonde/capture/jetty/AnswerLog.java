// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Response;

/** Finds the answers that the server gave by itself: heads that could not be parsed. */
final class AnswerLog implements RequestLog {
  private final SondeJetty jetty;

  AnswerLog(SondeJetty jetty) {
    this.jetty = jetty;
  }

  @Override
  public void log(Request request, Response response) {
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
