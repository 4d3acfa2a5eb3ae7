// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

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
    @Nullable String route)
    implements LifecycleEvent {}
