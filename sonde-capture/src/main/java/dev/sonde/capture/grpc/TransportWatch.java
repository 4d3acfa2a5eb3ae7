// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import io.grpc.Attributes;
import io.grpc.ServerTransportFilter;
import org.jspecify.annotations.Nullable;

/** Tells of connections, from the end of their handshakes on. */
final class TransportWatch extends ServerTransportFilter {
  private final ServerWatch watch;

  TransportWatch(ServerWatch watch) {
    this.watch = watch;
  }

  @Override
  public Attributes transportReady(Attributes attributes) {
    if (!watch.scope().isEnabled()) {
      return attributes;
    }
    try {
      ObservedConnection opened = ObservedConnection.open(watch, attributes);
      return attributes.toBuilder().set(watch.connection, opened).build();
    } catch (Throwable t) {
      watch.fault(t);
      return attributes;
    }
  }

  /**
   * @param attributes what the last filter returned, null of a connection that never was ready
   */
  @Override
  public void transportTerminated(@Nullable Attributes attributes) {
    ObservedConnection connection = attributes == null ? null : attributes.get(watch.connection);
    if (connection != null) {
      try {
        connection.closed();
      } catch (Throwable t) {
        watch.fault(t);
      }
    }
  }
}
