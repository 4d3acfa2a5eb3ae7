// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import dev.sonde.capture.netty.ServedRequest;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.spi.metrics.HttpServerMetrics;
import io.vertx.core.spi.observability.HttpRequest;
import io.vertx.core.spi.observability.HttpResponse;
import org.jspecify.annotations.Nullable;

/**
 * What Vert.x tells of the requests of one server, which are those that Netty's adapter watches.
 */
final class ServerMetrics implements HttpServerMetrics<Object, Object, Object> {
  /** Vert.x 4 begins a request. */
  @Override
  public @Nullable Object requestBegin(Object socket, HttpRequest request) {
    return ServedRequest.begun();
  }

  /** Vert.x 5.1 begins a request: its interface differs from that of Vert.x 4 in this parameter. */
  @SuppressWarnings("unused")
  public @Nullable Object requestBegin(SocketAddress remote, HttpRequest request) {
    return ServedRequest.begun();
  }

  @Override
  public void responseBegin(@Nullable Object request, HttpResponse response) {
    if (request instanceof ServedRequest served && served.answered(response.statusCode())) {
      served.announced(lengthOf(response));
    }
  }

  private static long lengthOf(HttpResponse response) {
    String length = response.headers().get(HttpHeaders.CONTENT_LENGTH);
    try {
      return length == null ? -1 : Long.parseLong(length);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  @Override
  public void responseEnd(@Nullable Object request, HttpResponse response, long bytes) {
    if (request instanceof ServedRequest served) {
      served.ended(response.statusCode());
    }
  }

  @Override
  public void requestRouted(@Nullable Object request, String route) {
    if (request instanceof ServedRequest served) {
      served.route(route);
    }
  }
}
