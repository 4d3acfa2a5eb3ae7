// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.BufferData;
import io.helidon.http.Headers;
import io.helidon.http.HttpPrologue;
import io.helidon.http.Status;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http1.Http1ConnectionListener;

/**
 * Hears of the heads of HTTP/1 when they are parsed.
 *
 * @param next what the application wants to hear of them
 */
record HeadListener(Http1ConnectionListener next) implements Http1ConnectionListener {
  @Override
  public void prologue(ConnectionContext ctx, HttpPrologue prologue) {
    if (ctx instanceof ObservedContext observed) {
      observed.connection().prologue(prologue);
    }
    next.prologue(ctx, prologue);
  }

  @Override
  public void headers(ConnectionContext ctx, Headers headers) {
    if (ctx instanceof ObservedContext observed) {
      observed.head(headers);
    }
    next.headers(ctx, headers);
  }

  @Override
  public void status(ConnectionContext ctx, Status status) {
    next.status(ctx, status);
  }

  @Override
  public void data(ConnectionContext ctx, BufferData data) {
    next.data(ctx, data);
  }

  @Override
  public void data(ConnectionContext ctx, byte[] bytes, int offset, int length) {
    next.data(ctx, bytes, offset, length);
  }
}
