// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.testkit.net.TlsMaterial;
import java.time.Duration;

/**
 * How a server of a {@link ServerFixture} is set up.
 *
 * @param idleTimeout for a connection without traffic, a head that stalls included
 * @param gracefulStop how long a graceful stop waits for open requests
 * @param maxHeadBytes longest request head; longer ones are refused
 * @param maxRequestsPerConnection after which the server closes it, 0 for no limit
 * @param maxConnections open at once on the cleartext port, 0 for no limit
 * @param maxResetsPerSecond of HTTP/2 streams by the client, 0 for the server's own limit
 * @param tls key and certificate of the TLS port
 */
public record ServerOptions(
    Duration idleTimeout,
    Duration gracefulStop,
    int maxHeadBytes,
    int maxRequestsPerConnection,
    int maxConnections,
    int maxResetsPerSecond,
    TlsMaterial tls) {
  /** 30 s idle, 5 s to stop, heads up to 8 KiB, no other limit. */
  public static ServerOptions defaults() {
    return new ServerOptions(
        Duration.ofSeconds(30), Duration.ofSeconds(5), 8192, 0, 0, 0, TlsMaterial.shared());
  }

  /** The same with another idle time-out. */
  public ServerOptions withIdleTimeout(Duration timeout) {
    return new ServerOptions(
        timeout,
        gracefulStop,
        maxHeadBytes,
        maxRequestsPerConnection,
        maxConnections,
        maxResetsPerSecond,
        tls);
  }

  /** The same with a limit of requests on one connection. */
  public ServerOptions withMaxRequestsPerConnection(int limit) {
    return new ServerOptions(
        idleTimeout, gracefulStop, maxHeadBytes, limit, maxConnections, maxResetsPerSecond, tls);
  }

  /** The same with a limit of connections. */
  public ServerOptions withMaxConnections(int limit) {
    return new ServerOptions(
        idleTimeout,
        gracefulStop,
        maxHeadBytes,
        maxRequestsPerConnection,
        limit,
        maxResetsPerSecond,
        tls);
  }

  /** The same with a limit of stream resets. */
  public ServerOptions withMaxResetsPerSecond(int limit) {
    return new ServerOptions(
        idleTimeout,
        gracefulStop,
        maxHeadBytes,
        maxRequestsPerConnection,
        maxConnections,
        limit,
        tls);
  }
}
