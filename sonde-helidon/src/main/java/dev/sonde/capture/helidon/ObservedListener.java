// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.context.Context;
import io.helidon.http.encoding.ContentEncodingContext;
import io.helidon.http.media.MediaContext;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.http.DirectHandlers;
import java.util.concurrent.ExecutorService;

/**
 * A listener as Helidon's own code sees it.
 *
 * @param listener the real one
 * @param config as the application made it
 * @param directHandlers that answer for errors
 */
record ObservedListener(
    ListenerContext listener, ListenerConfig config, DirectHandlers directHandlers)
    implements ListenerContext {
  @Override
  public Context context() {
    return listener.context();
  }

  @Override
  public MediaContext mediaContext() {
    return listener.mediaContext();
  }

  @Override
  public ContentEncodingContext contentEncodingContext() {
    return listener.contentEncodingContext();
  }

  @Override
  public ExecutorService executor() {
    return listener.executor();
  }
}
