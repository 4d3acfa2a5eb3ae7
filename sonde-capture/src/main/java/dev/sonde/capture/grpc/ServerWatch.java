// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.Emitter;
import io.grpc.Attributes;
import io.grpc.Context;
import io.grpc.InternalServer;
import io.grpc.Server;
import org.jspecify.annotations.Nullable;

/** What the three hooks of one builder have in common. */
final class ServerWatch {
  /** Where the connection of a call is found. */
  final Attributes.Key<ObservedConnection> connection =
      Attributes.Key.create("dev.sonde.capture.grpc.connection");

  /** Where a call is found by its interceptor. */
  final Context.Key<ObservedCall> call = Context.key("dev.sonde.capture.grpc.call");

  private final ListenerScope scope;
  private final Emitter emitter;

  /** What was built, known from the first call on. */
  private volatile @Nullable Server server;

  ServerWatch(ListenerScope scope, Emitter emitter) {
    this.scope = scope;
    this.emitter = emitter;
  }

  ListenerScope scope() {
    return scope;
  }

  Emitter emitter() {
    return emitter;
  }

  void fault(Throwable thrown) {
    scope.fault(thrown);
  }

  /** Takes note of the server, for nothing tells that it is being stopped. */
  void servedBy(Context root) {
    Server known = InternalServer.SERVER_CONTEXT_KEY.get(root);
    if (known != null && known != server) {
      server = known;
    }
  }

  /** Whether the server is being stopped, as far as known. */
  boolean isStopping() {
    Server known = server;
    return known != null && known.isShutdown();
  }
}
