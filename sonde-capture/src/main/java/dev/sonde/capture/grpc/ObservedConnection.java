// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.event.Protocol;
import io.grpc.Attributes;
import io.grpc.Grpc;
import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A connection that has calls. */
final class ObservedConnection {
  private static final String IN_PROCESS = "io.grpc.inprocess.";

  private final ServerWatch watch;
  private final ConnectionState state;

  /** Numbers its calls, for gRPC does not tell the stream of a call. */
  private final AtomicLong calls = new AtomicLong();

  private ObservedConnection(ServerWatch watch, ConnectionState state) {
    this.watch = watch;
    this.state = state;
  }

  static ObservedConnection open(ServerWatch watch, Attributes attributes) {
    SocketAddress remote = attributes.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    ConnectionState opened =
        watch
            .scope()
            .opened(
                -1,
                remote,
                attributes.get(Grpc.TRANSPORT_ATTR_LOCAL_ADDR),
                isInProcess(remote) ? Protocol.UNKNOWN : Protocol.H2,
                attributes.get(Grpc.TRANSPORT_ATTR_SSL_SESSION) != null,
                System.nanoTime());
    return new ObservedConnection(watch, opened);
  }

  /** Begins a call whose head came at {@code nanos}; null if it came too late. */
  @Nullable Exchange begin(String path, long nanos) {
    return state.beginLate(
        -1, calls.incrementAndGet(), ObservedCall.METHOD, path, "HTTP/2.0", nanos);
  }

  void closed() {
    if (watch.isStopping()) {
      state.hint(CloseHint.SHUTDOWN);
    }
    state.visitOpenRequests(
        request -> {
          if (request.attachment() instanceof ObservedCall call) {
            call.connectionClosed();
          }
        });
    state.closed(Initiator.UNKNOWN, null, System.nanoTime());
  }

  private static boolean isInProcess(@Nullable SocketAddress remote) {
    return remote != null && remote.getClass().getName().startsWith(IN_PROCESS);
  }
}
