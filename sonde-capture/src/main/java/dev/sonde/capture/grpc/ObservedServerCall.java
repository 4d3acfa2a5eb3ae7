// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;

/** What the application answers. */
final class ObservedServerCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
  private final ObservedCall observed;

  ObservedServerCall(ServerCall<Q, A> call, ObservedCall observed) {
    super(call);
    this.observed = observed;
  }

  @Override
  public void sendHeaders(Metadata headers) {
    delegate().sendHeaders(headers);
    observed.headSent();
  }

  @Override
  public void close(Status status, Metadata trailers) {
    observed.answered(status);
    delegate().close(status, trailers);
  }
}
