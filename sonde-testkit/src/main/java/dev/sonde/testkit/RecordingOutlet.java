// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.trace.Span;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what has ended, in order; the exchange of a connection may be used again unless it asks for
 * every start, so what it said is kept, too.
 */
public final class RecordingOutlet implements CaptureOutlet {
  public final List<ListenerScope> scopes = new CopyOnWriteArrayList<>();
  public final List<Exchange> requests = new CopyOnWriteArrayList<>();
  public final List<Integer> statuses = new CopyOnWriteArrayList<>();
  public final List<Long> bytesIn = new CopyOnWriteArrayList<>();
  public final List<Long> bodyBytes = new CopyOnWriteArrayList<>();
  public final List<@Nullable String> routes = new CopyOnWriteArrayList<>();
  public final List<@Nullable Throwable> errors = new CopyOnWriteArrayList<>();
  public final List<@Nullable Span> spans = new CopyOnWriteArrayList<>();
  public final List<ConnectionState> connections = new CopyOnWriteArrayList<>();
  private final boolean tellsEveryStart;

  /** One that asks for every start. */
  public RecordingOutlet() {
    this(true);
  }

  /**
   * @param tellsEveryStart whether it asks for every start, so that each request is a new exchange
   */
  public RecordingOutlet(boolean tellsEveryStart) {
    this.tellsEveryStart = tellsEveryStart;
  }

  /** What an adapter asks for the listener that it watches. */
  public ListenerScope listener(String name, Set<Capability> capabilities) {
    ListenerScope scope = new ListenerScope(name, capabilities, this);
    scopes.add(scope);
    return scope;
  }

  @Override
  public boolean tellsEveryStart() {
    return tellsEveryStart;
  }

  @Override
  public void connectionOpened(ConnectionState connection) {}

  @Override
  public void requestStarted(Exchange exchange) {}

  @Override
  public void requestEnded(Exchange exchange) {
    requests.add(exchange);
    statuses.add(exchange.status());
    bytesIn.add(exchange.bytesIn());
    bodyBytes.add(exchange.bytesOut());
    routes.add(exchange.route());
    errors.add(exchange.error());
    spans.add(exchange.spanOrNull());
  }

  @Override
  public void connectionClosed(ConnectionState connection) {
    connections.add(connection);
  }

  @Override
  public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {}
}
