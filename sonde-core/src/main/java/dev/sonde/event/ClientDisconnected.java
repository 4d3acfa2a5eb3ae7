// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

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
 */
public record ClientDisconnected(
    long connectionId,
    int workerId,
    long requestId,
    long streamId,
    boolean duringStreaming,
    long bytesSent,
    long timestampNanos)
    implements LifecycleEvent {}
