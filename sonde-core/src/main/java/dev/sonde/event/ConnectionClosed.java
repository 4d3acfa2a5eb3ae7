// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * A connection ended, by either side; the last event of its connection.
 *
 * @param connectionId number of the connection
 * @param workerId index of the event loop or worker that owned the connection, or -1 if unknown
 * @param requestsServed requests whose response was completed
 * @param totalBytesSent body bytes of all of its responses, those cut short included
 * @param durationNanos nanoseconds since {@link ConnectionOpened}
 * @param reason why
 * @param detail more about the reason, such as {@code keep_alive_timeout}, or null
 * @param timestampNanos monotonic time in nanoseconds
 */
public record ConnectionClosed(
    long connectionId,
    int workerId,
    long requestsServed,
    long totalBytesSent,
    long durationNanos,
    CloseReason reason,
    @Nullable String detail,
    long timestampNanos)
    implements LifecycleEvent {}
