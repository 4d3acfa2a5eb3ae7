// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import java.nio.ByteBuffer;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/**
 * The transport of one request and its response, which tells what passes.
 *
 * <p>Each request has one of its own: to an application that still holds an earlier request, its
 * stream must not become that of the next.
 */
final class ObservedStream extends HttpStream.Wrapper {
  private final ObservedRequest observed;

  ObservedStream(HttpStream stream, ObservedRequest observed) {
    super(stream);
    this.observed = observed;
  }

  ObservedRequest observed() {
    return observed;
  }

  /** The application threw, or failed the request. */
  void thrown(Throwable thrown) {
    observed.thrown(this, thrown);
  }

  @Override
  public Content.Chunk read() {
    Content.Chunk chunk = super.read();
    if (chunk != null) {
      observed.read(this, chunk);
    }
    return chunk;
  }

  @Override
  public void send(
      MetaData.Request head,
      MetaData.@Nullable Response response,
      boolean last,
      @Nullable ByteBuffer content,
      Callback callback) {
    Callback observing = observed.sending(this, response, last, content, callback);
    super.send(head, response, last, content, observing);
  }

  @Override
  public void succeeded() {
    observed.succeeded(this);
    super.succeeded();
  }

  @Override
  public void failed(Throwable failure) {
    observed.failed(this, failure);
    super.failed(failure);
  }
}
