// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.task.InterruptableTask;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A connection from its accept to its close, for which one of the listener's selectors makes the
 * real one, by the rules by which the listener would have chosen it.
 *
 * <p>As long as none is chosen, Helidon does not know of the connection: it does not time it out,
 * and a stop closes it by interrupting its thread. So this one is never idle until then, and does
 * nothing when it is asked to close.
 */
final class SelectedConnection implements ServerConnection, InterruptableTask<Void> {
  private static final String HTTP2 = "h2";
  private static final String HTTP1 = "http/1.1";

  private final ConnectionContext context;

  /** Null if observing it has failed. */
  private final @Nullable ObservedConnection observed;

  private final List<ServerConnectionSelector> selectors;
  private volatile @Nullable ServerConnection selected;

  /** The thread that has last asked how long it was idle: none but Helidon's timer does. */
  private volatile @Nullable Thread timer;

  SelectedConnection(ConnectionContext context, List<ServerConnectionSelector> selectors) {
    this.context = context;
    this.selectors = selectors;
    observed = context instanceof ObservedContext ours ? ours.connection() : null;
    try {
      selected = negotiated();
    } catch (Throwable t) {
      closed();
      throw t;
    }
  }

  @Override
  public void handle(Limit limit) throws InterruptedException {
    try {
      ServerConnection connection = selected;
      if (connection == null) {
        connection = select();
        selected = connection;
      }
      connection.handle(limit);
    } finally {
      closed();
    }
  }

  @Override
  public Duration idleTime() {
    timer = Thread.currentThread();
    ServerConnection connection = selected;
    return connection == null ? Duration.ZERO : connection.idleTime();
  }

  @Override
  public void close(boolean interrupt) {
    if (observed != null) {
      observed.closing(Thread.currentThread() == timer);
    }
    ServerConnection connection = selected;
    if (connection != null) {
      connection.close(interrupt);
    }
  }

  @Override
  public boolean canInterrupt() {
    return selected instanceof InterruptableTask<?> task && task.canInterrupt();
  }

  /** The one that is known before any byte, or null. */
  private @Nullable ServerConnection negotiated() {
    if (selectors.size() == 1) {
      return connection(selectors.get(0));
    }
    if (context.serverSocket().protocolNegotiated()) {
      String protocol = context.serverSocket().protocol();
      for (ServerConnectionSelector selector : selectors) {
        if (selector.supportedApplicationProtocols().contains(protocol)) {
          return connection(selector);
        }
      }
    }
    return null;
  }

  /** Looks at the first bytes until one of the selectors knows them. */
  private ServerConnection select() {
    DataReader reader = context.dataReader();
    try {
      reader.ensureAvailable();
    } catch (DataReader.InsufficientDataAvailableException e) {
      throw new CloseConnectionException("no byte has come", e);
    }
    List<ServerConnectionSelector> candidates = new ArrayList<>(selectors);
    BufferData first = reader.getBuffer(reader.available());
    while (true) {
      for (Iterator<ServerConnectionSelector> each = candidates.iterator(); each.hasNext(); ) {
        ServerConnectionSelector candidate = each.next();
        int needed = candidate.bytesToIdentifyConnection();
        if (needed == 0 || needed < first.available()) {
          switch (candidate.supports(first)) {
            case SUPPORTED -> {
              return connection(candidate);
            }
            case UNSUPPORTED -> each.remove();
            case UNKNOWN -> {
              if (needed != 0) {
                each.remove();
              }
            }
          }
          first.rewind();
        }
      }
      if (candidates.isEmpty()) {
        if (observed != null) {
          observed.unknown();
        }
        throw new CloseConnectionException("no protocol begins like this");
      }
      first = reader.getBuffer(reader.available() + 1);
    }
  }

  private ServerConnection connection(ServerConnectionSelector selector) {
    if (observed == null) {
      return selector.connection(context);
    }
    if (selector.supportedApplicationProtocols().contains(HTTP2)) {
      observed.http2();
    } else if (selector.supportedApplicationProtocols().contains(HTTP1)) {
      observed.http1();
    }
    return selector.connection(context);
  }

  private void closed() {
    if (observed != null) {
      observed.closed();
    }
  }
}
