// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/** The requests of one processor of HTTP/1, one after another. */
final class Http1Requests extends RequestsAdapter {
  private @Nullable ObservedProcessor processor;
  private @Nullable ObservedRequest request;

  Http1Requests(Adapter container) {
    super(container);
  }

  void servedBy(ObservedProcessor server) {
    processor = server;
    request = new ObservedRequest(server.getRequest(), /* isReused= */ true);
  }

  @Override
  public void service(Request head, Response response) throws Exception {
    ObservedProcessor server = processor;
    ObservedRequest observed = request;
    ObservedConnection connection = server == null ? null : server.connection();
    if (server == null || observed == null || connection == null) {
      container.service(head, response);
      return;
    }
    observed.begin(connection, head, response, 0);
    try {
      container.service(head, response);
    } catch (Throwable t) {
      observed.thrown(t);
      throw t;
    }
    boolean isPending = server.isAsync() && !server.hasFailed();
    observed.serviced(isPending, server.isUpgrade(), server.isWritable());
  }

  @Override
  public boolean asyncDispatch(Request head, Response response, SocketEvent event)
      throws Exception {
    boolean isWell = container.asyncDispatch(head, response, event);
    ObservedProcessor server = processor;
    ObservedRequest observed = request;
    if (server != null && observed != null) {
      boolean isPending = isWell && server.isAsync() && !server.hasFailed();
      observed.serviced(isPending, server.isUpgrade(), server.isWritable());
    }
    return isWell;
  }
}
