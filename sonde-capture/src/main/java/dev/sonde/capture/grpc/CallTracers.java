// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;

/** Has every call traced whose head gRPC takes for one of its own. */
final class CallTracers extends ServerStreamTracer.Factory {
  private static final ServerStreamTracer NOTHING = new ServerStreamTracer() {};

  private final ServerWatch watch;

  CallTracers(ServerWatch watch) {
    this.watch = watch;
  }

  @Override
  public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
    if (!watch.scope().isEnabled()) {
      return NOTHING;
    }
    try {
      return new ObservedCall(watch, method, headers);
    } catch (Throwable t) {
      watch.fault(t);
      return NOTHING;
    }
  }
}
