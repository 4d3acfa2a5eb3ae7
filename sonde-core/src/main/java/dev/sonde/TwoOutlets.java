// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;

/** Hands on to two outlets, neither of which throws. */
record TwoOutlets(CaptureOutlet first, CaptureOutlet second) implements CaptureOutlet {
  @Override
  public void connectionOpened(ConnectionState connection) {
    first.connectionOpened(connection);
    second.connectionOpened(connection);
  }

  @Override
  public void requestStarted(Exchange exchange) {
    first.requestStarted(exchange);
    second.requestStarted(exchange);
  }

  @Override
  public void requestEnded(Exchange exchange) {
    first.requestEnded(exchange);
    second.requestEnded(exchange);
  }

  @Override
  public void connectionClosed(ConnectionState connection) {
    first.connectionClosed(connection);
    second.connectionClosed(connection);
  }

  @Override
  public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {
    first.connectionRejected(listener, limit, nanos);
    second.connectionRejected(listener, limit, nanos);
  }
}
