// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.concurrent.atomic.LongAdder;

/**
 * Hands the lifecycle events of connections to any {@link LifecycleCollector}, on the thread on
 * which they happen.
 *
 * <p>For a collector that is not enabled no event is built. What a collector throws is counted and
 * goes no further.
 */
public final class LifecycleOutlet implements CaptureOutlet {
  private final LifecycleCollector collector;
  private final boolean isEnabled;
  private final LongAdder failures = new LongAdder();

  /** Hands events to {@code collector}. */
  public LifecycleOutlet(LifecycleCollector collector) {
    this.collector = collector;
    isEnabled = collector.isEnabled();
  }

  @Override
  public boolean isEnabled() {
    return isEnabled;
  }

  @Override
  public void connectionOpened(ConnectionState connection) {
    if (isEnabled) {
      record(
          new ConnectionOpened(
              connection.id(),
              connection.workerId(),
              connection.clientAddress(),
              connection.clientPort(),
              connection.serverAddress(),
              connection.serverPort(),
              connection.protocol(),
              connection.openedNanos(),
              connection.isTls()));
    }
  }

  @Override
  public void requestStarted(Exchange exchange) {
    if (isEnabled) {
      RequestStarted start = exchange.startIfOpen();
      if (start != null) {
        record(start);
      }
    }
  }

  /**
   * Records the end that the client saw.
   *
   * <p>A response that the server broke off has none of its own: the connection's close tells.
   */
  @Override
  public void requestEnded(Exchange exchange) {
    if (!isEnabled) {
      return;
    }
    if (exchange.hasResponse()) {
      record(
          new ResponseCompleted(
              exchange.connection().id(),
              exchange.workerId(),
              exchange.id(),
              exchange.streamId(),
              exchange.status(),
              exchange.bytesOut(),
              exchange.durationNanos(),
              exchange.endNanos(),
              exchange.timeToFirstByteNanos(),
              exchange.route(),
              exchange.blockedNanos(),
              exchange.stream()));
    } else if (exchange.outcome().isClientAbort()) {
      record(
          new ClientDisconnected(
              exchange.connection().id(),
              exchange.workerId(),
              exchange.id(),
              exchange.streamId(),
              exchange.isCommitted(),
              exchange.bytesOut(),
              exchange.endNanos(),
              exchange.blockedNanos(),
              exchange.stream()));
    }
  }

  @Override
  public void connectionClosed(ConnectionState connection) {
    if (isEnabled) {
      record(
          new ConnectionClosed(
              connection.id(),
              connection.workerId(),
              connection.requestsServed(),
              connection.bodyBytesSent(),
              connection.closedNanos() - connection.openedNanos(),
              connection.closeReason(),
              connection.closeDetail(),
              connection.closedNanos()));
    }
  }

  /** Nothing: a connection turned away at the door has no events. */
  @Override
  public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {}

  /** Events that the collector failed to take. */
  public long failures() {
    return failures.sum();
  }

  private void record(LifecycleEvent event) {
    try {
      collector.record(event);
    } catch (Throwable t) {
      failures.increment();
    }
  }
}
