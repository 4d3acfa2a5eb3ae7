// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.capture.Exchange;
import dev.sonde.trace.TraceContext;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.ServerCall;
import java.util.function.Consumer;

/** The application's callbacks, on whatever thread gRPC calls them. */
final class ObservedListener<Q> extends SimpleForwardingServerCallListener<Q> {
  private final ObservedCall observed;
  private final Exchange exchange;

  ObservedListener(ServerCall.Listener<Q> listener, ObservedCall observed, Exchange exchange) {
    super(listener);
    this.observed = observed;
    this.exchange = exchange;
  }

  @Override
  public void onMessage(Q message) {
    try (TraceContext.Scope ignored = exchange.enter()) {
      delegate().onMessage(message);
    } catch (Throwable t) {
      observed.threw(t);
      throw t;
    }
  }

  @Override
  public void onHalfClose() {
    run(ServerCall.Listener::onHalfClose);
  }

  @Override
  public void onCancel() {
    run(ServerCall.Listener::onCancel);
  }

  @Override
  public void onComplete() {
    run(ServerCall.Listener::onComplete);
  }

  @Override
  public void onReady() {
    run(ServerCall.Listener::onReady);
  }

  private void run(Consumer<ServerCall.Listener<Q>> callback) {
    try (TraceContext.Scope ignored = exchange.enter()) {
      callback.accept(delegate());
    } catch (Throwable t) {
      observed.threw(t);
      throw t;
    }
  }
}
