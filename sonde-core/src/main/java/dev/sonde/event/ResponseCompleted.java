// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import dev.sonde.event.RequestEvent.StreamKind;
import org.jspecify.annotations.Nullable;

/**
 * The server handed the last byte of a response to the socket.
 *
 * <p>Source: the adapter's response-end hook, on the thread that finished the write. A response cut
 * short by the client is reported as {@link ClientDisconnected} instead.
 *
 * @param connectionId number of the connection
 * @param workerId index of the event loop or worker that began the request, or -1 if unknown
 * @param requestId number of the request
 * @param streamId HTTP/2 stream, 0 on HTTP/1
 * @param status HTTP status code as sent
 * @param bytesSent body bytes after content encoding, without headers
 * @param durationNanos nanoseconds since the matching {@link RequestStarted}
 * @param timestampNanos monotonic time in nanoseconds
 * @param timeToFirstByteNanos nanoseconds from the start to the response head, or -1 if unknown
 * @param route template such as {@code /users/{id}}, or null if none matched
 * @param blockedNanos nanoseconds of the duration in which bytes of the response waited because the
 *     client took no more, or -1 if the server does not let it be known
 * @param stream what kind of stream it was, or what it was upgraded to, or null
 */
public record ResponseCompleted(
    long connectionId,
    int workerId,
    long requestId,
    long streamId,
    int status,
    long bytesSent,
    long durationNanos,
    long timestampNanos,
    long timeToFirstByteNanos,
    @Nullable String route,
    long blockedNanos,
    @Nullable StreamKind stream)
    implements LifecycleEvent {
  /** A response of which it is not known what it waited for. */
  public ResponseCompleted(
      long connectionId,
      int workerId,
      long requestId,
      long streamId,
      int status,
      long bytesSent,
      long durationNanos,
      long timestampNanos,
      long timeToFirstByteNanos,
      @Nullable String route) {
    this(
        connectionId,
        workerId,
        requestId,
        streamId,
        status,
        bytesSent,
        durationNanos,
        timestampNanos,
        timeToFirstByteNanos,
        route,
        -1,
        null);
  }
}
