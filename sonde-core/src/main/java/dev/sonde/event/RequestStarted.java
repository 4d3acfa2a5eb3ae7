// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/**
 * The head of a request was fully parsed.
 *
 * <p>A malformed head is reported with method and path {@code "-"}.
 *
 * @param connectionId number of the connection
 * @param workerId index of the event loop or worker that parsed it, or -1 if unknown
 * @param requestId number of the request, unique and increasing within this process
 * @param streamId HTTP/2 stream, 0 on HTTP/1
 * @param method as sent
 * @param path path as received, without the query string
 * @param httpVersion such as {@code HTTP/1.1}
 * @param timestampNanos monotonic time in nanoseconds
 */
public record RequestStarted(
    long connectionId,
    int workerId,
    long requestId,
    long streamId,
    String method,
    String path,
    String httpVersion,
    long timestampNanos)
    implements LifecycleEvent {}
