// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.trace.TraceContext;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** The outermost handler: begins a request and makes its span current while it is handled. */
final class ObservingHandler extends Handler.Wrapper {
  private final SondeJetty jetty;

  ObservingHandler(SondeJetty jetty) {
    this.jetty = jetty;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) throws Exception {
    ObservedStream stream = begin(request);
    if (stream == null) {
      return super.handle(request, response, callback);
    }
    try (TraceContext.Scope ignored = stream.exchange().enter()) {
      return super.handle(request, response, new FailureWatch(callback, stream));
    } catch (Throwable t) {
      stream.thrown(t);
      throw t;
    }
  }

  private @Nullable ObservedStream begin(Request request) {
    ObservedConnection connection = jetty.find(request);
    if (connection == null) {
      return null;
    }
    try {
      return connection.begin(request);
    } catch (Throwable t) {
      connection.fault(t);
      return null;
    }
  }

  /** Tells of a failure before the server answers it with an error page. */
  private static final class FailureWatch extends Callback.Nested {
    private final ObservedStream stream;

    FailureWatch(Callback callback, ObservedStream stream) {
      super(callback);
      this.stream = stream;
    }

    @Override
    public void failed(Throwable thrown) {
      stream.thrown(thrown);
      super.failed(thrown);
    }
  }
}
