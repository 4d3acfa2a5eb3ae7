// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * Makes a request's span current while the application works on it, in asynchronous dispatches too,
 * and reads its route and its failure before Tomcat forgets them.
 */
final class ObservingValve extends ValveBase {
  ObservingValve() {
    super(/* asyncSupported= */ true);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    ObservedRequest observed = ObservedRequest.of(request.getCoyoteRequest());
    // It may end meanwhile, by the close of its connection.
    Exchange exchange = observed == null ? null : observed.exchange();
    if (observed == null || exchange == null) {
      getNext().invoke(request, response);
      return;
    }
    try (TraceContext.Scope ignored = exchange.enter()) {
      getNext().invoke(request, response);
      observed.handled(request, null);
    } catch (Throwable t) {
      observed.handled(request, t);
      throw t;
    }
  }
}
