// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.coyote.Adapter;
import org.apache.coyote.Request;
import org.apache.coyote.Response;

/** Tomcat's way from the protocol to the container, as it is but for what subclasses observe. */
abstract class RequestsAdapter implements Adapter {
  final Adapter container;

  RequestsAdapter(Adapter container) {
    this.container = container;
  }

  @Override
  public final boolean prepare(Request request, Response response) throws Exception {
    return container.prepare(request, response);
  }

  @Override
  public void log(Request request, Response response, long time) {
    container.log(request, response, time);
  }

  @Override
  public final void checkRecycled(Request request, Response response) {
    container.checkRecycled(request, response);
  }

  @Override
  public final String getDomain() {
    return container.getDomain();
  }
}
