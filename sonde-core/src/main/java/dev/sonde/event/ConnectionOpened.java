// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

/**
 * The server accepted a TCP connection.
 *
 * <p>Source: the adapter's accept hook, on the thread that accepted.
 *
 * @param connectionId number of the connection, unique and increasing within this process
 * @param workerId index of the event loop or worker that owns the connection, or -1 if unknown
 * @param clientAddress IP address of the peer, without a zone
 * @param clientPort TCP port of the peer
 * @param serverAddress IP address that accepted
 * @param serverPort TCP port that accepted
 * @param protocol {@code UNKNOWN} until negotiated
 * @param timestampNanos monotonic time in nanoseconds
 * @param tls whether the listener speaks TLS
 */
public record ConnectionOpened(
    long connectionId,
    int workerId,
    String clientAddress,
    int clientPort,
    String serverAddress,
    int serverPort,
    Protocol protocol,
    long timestampNanos,
    boolean tls)
    implements LifecycleEvent {}
