// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Writes down what capture hands on, a line each. */
final class TranscriptOutlet implements CaptureOutlet {
  final List<String> lines = new CopyOnWriteArrayList<>();
  private final boolean tellsEveryStart;

  /** Runs while an end is being told. */
  Runnable duringEnd = () -> {};

  TranscriptOutlet() {
    this(/* tellsEveryStart= */ true);
  }

  TranscriptOutlet(boolean tellsEveryStart) {
    this.tellsEveryStart = tellsEveryStart;
  }

  @Override
  public boolean tellsEveryStart() {
    return tellsEveryStart;
  }

  @Override
  public void connectionOpened(ConnectionState connection) {
    lines.add("opened " + connection.clientAddress() + ":" + connection.clientPort());
  }

  @Override
  public void requestStarted(Exchange exchange) {
    lines.add("started " + exchange.method() + " " + exchange.path());
  }

  @Override
  public void requestEnded(Exchange exchange) {
    lines.add(
        "ended %s %d %d bytes %d ns"
            .formatted(
                exchange.outcome().jsonName(),
                exchange.status(),
                exchange.bytesOut(),
                exchange.durationNanos()));
    duringEnd.run();
  }

  @Override
  public void connectionClosed(ConnectionState connection) {
    lines.add(
        "closed %s/%s %d requests %d bytes"
            .formatted(
                connection.closeReason().jsonName(),
                connection.closeDetail(),
                connection.requestsServed(),
                connection.bodyBytesSent()));
  }

  @Override
  public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {
    lines.add("rejected " + limit);
  }
}
