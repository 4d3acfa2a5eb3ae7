// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.net.SocketEvent;
import org.jspecify.annotations.Nullable;

/** The streams of one HTTP/2 connection, many at once. */
final class Http2Requests extends RequestsAdapter {
  private final ObservedConnection connection;

  Http2Requests(Adapter container, ObservedConnection connection) {
    super(container);
    this.connection = connection;
  }

  @Override
  public void service(Request head, Response response) throws Exception {
    ObservedRequest observed = begin(head, response);
    if (observed == null) {
      container.service(head, response);
      return;
    }
    try {
      container.service(head, response);
    } catch (Throwable t) {
      observed.thrown(t);
      throw t;
    }
    serviced(observed, response, true);
  }

  @Override
  public boolean asyncDispatch(Request head, Response response, SocketEvent event)
      throws Exception {
    ObservedRequest observed = ObservedRequest.of(head);
    boolean isWell = container.asyncDispatch(head, response, event);
    if (observed != null) {
      serviced(observed, response, isWell);
    }
    return isWell;
  }

  /** Called for a stream that Tomcat answers by itself, too. */
  @Override
  public void log(Request head, Response response, long time) {
    if (ObservedRequest.of(head) == null) {
      ObservedRequest observed = begin(head, response);
      if (observed != null) {
        observed.serviced(false, false, true);
      }
    }
    container.log(head, response, time);
  }

  private @Nullable ObservedRequest begin(Request head, Response response) {
    try {
      ObservedRequest observed = new ObservedRequest(head, /* isReused= */ false);
      // Given by Tomcat as a string, which is the stream's number.
      observed.begin(connection, head, response, Long.parseLong(head.getProtocolRequestId()));
      return observed;
    } catch (Throwable t) {
      connection.fault(t);
      return null;
    }
  }

  private void serviced(ObservedRequest observed, Response response, boolean isWell) {
    try {
      boolean isPending =
          isWell && is(response, ActionCode.ASYNC_IS_ASYNC) && !is(response, ActionCode.IS_ERROR);
      observed.serviced(isPending, false, is(response, ActionCode.IS_IO_ALLOWED));
    } catch (Throwable t) {
      connection.fault(t);
    }
  }

  private static boolean is(Response response, ActionCode question) {
    AtomicBoolean answer = new AtomicBoolean();
    response.action(question, answer);
    return answer.get();
  }
}
