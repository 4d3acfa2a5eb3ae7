// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

/** A started server of a {@link ServerFixture}. */
public interface RunningServer extends AutoCloseable {
  /** Port for cleartext: HTTP/1, and HTTP/2 by prior knowledge and by upgrade if it is spoken. */
  int port();

  /** Port for TLS, with ALPN for {@code h2} if it is spoken and {@code http/1.1}. */
  int tlsPort();

  /** What its adapter tells. */
  ObservedListeners listeners();

  /** Connections that the adapter holds state for; 0 once all are closed, or something leaks. */
  default int openConnectionStates() {
    return listeners().openConnectionStates();
  }

  /** What the collector threw so far, as counted by the outlet that called it. */
  default long collectorFailures() {
    return listeners().collectorFailures();
  }

  /** Connections that the adapter reported as rejected, not as opened; most servers reject none. */
  default long rejectedConnections() {
    return 0;
  }

  /** Stops accepting, lets open requests end within the options' time, returns when stopped. */
  void stopGracefully() throws Exception;

  /** Stops without waiting for anybody; returns when stopped. */
  @Override
  void close() throws Exception;
}
