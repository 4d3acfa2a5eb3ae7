// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import dev.sonde.event.RequestEvent.StreamKind;
import org.jspecify.annotations.Nullable;

/**
 * The client went away while a request was open, or reset one HTTP/2 stream.
 *
 * @param connectionId number of the connection
 * @param workerId index of the event loop or worker that began the request, or -1 if unknown
 * @param requestId number of the request
 * @param streamId HTTP/2 stream, 0 on HTTP/1
 * @param duringStreaming whether the response head had been sent
 * @param bytesSent body bytes written before the client left
 * @param timestampNanos monotonic time in nanoseconds at which the server noticed
 * @param blockedNanos nanoseconds since the request began in which bytes of the response waited
 *     because the client took no more, or -1 if the server does not let it be known
 * @param stream what kind of stream it was, or null
 */
public record ClientDisconnected(
    long connectionId,
    int workerId,
    long requestId,
    long streamId,
    boolean duringStreaming,
    long bytesSent,
    long timestampNanos,
    long blockedNanos,
    @Nullable StreamKind stream)
    implements LifecycleEvent {
  /** A client that left without its being known what the response waited for. */
  public ClientDisconnected(
      long connectionId,
      int workerId,
      long requestId,
      long streamId,
      boolean duringStreaming,
      long bytesSent,
      long timestampNanos) {
    this(
        connectionId,
        workerId,
        requestId,
        streamId,
        duringStreaming,
        bytesSent,
        timestampNanos,
        -1,
        null);
  }
}
