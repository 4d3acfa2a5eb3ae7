// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import java.io.IOException;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.coyote.http11.Http11Processor;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler.SocketState;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/** Tomcat's parser of HTTP/1, which knows the connection that it works for. */
final class ObservedProcessor extends Http11Processor {
  private @Nullable ObservedConnection connection;

  ObservedProcessor(AbstractHttp11Protocol<?> protocol, Http1Requests requests) {
    super(protocol, requests);
    requests.servedBy(this);
  }

  /** The connection whose bytes are parsed; one processor serves many, one after another. */
  @Nullable ObservedConnection connection() {
    return connection;
  }

  /** Whether the response can still be written, or has been. */
  boolean isWritable() {
    return getErrorState().isIoAllowed();
  }

  boolean hasFailed() {
    return getErrorState().isError();
  }

  @Override
  public SocketState service(SocketWrapperBase<?> socket) throws IOException {
    ObservedConnection observed = ObservedSocket.connectionOf(socket);
    connection = observed;
    SocketState next = super.service(socket);
    if (observed != null) {
      observed.headBegun(next == SocketState.LONG && !isAsync());
    }
    return next;
  }
}
