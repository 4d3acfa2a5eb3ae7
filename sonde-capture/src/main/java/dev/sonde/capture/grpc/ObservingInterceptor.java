// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;

/** Makes a call's span the current one while the application works on it. */
final class ObservingInterceptor implements ServerInterceptor {
  private final ServerWatch watch;

  ObservingInterceptor(ServerWatch watch) {
    this.watch = watch;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    ObservedCall observed = watch.call.get();
    Exchange exchange = observed == null ? null : observed.exchange();
    if (observed == null || exchange == null) {
      return next.startCall(call, headers);
    }
    observed.entered();
    try (TraceContext.Scope ignored = exchange.enter()) {
      ServerCall.Listener<Q> listener =
          next.startCall(new ObservedServerCall<>(call, observed), headers);
      if (listener == null) {
        // gRPC has its own word for that.
        return listener;
      }
      return new ObservedListener<>(listener, observed, exchange);
    } catch (Throwable t) {
      observed.threw(t);
      throw t;
    }
  }
}
