// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsExchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import dev.sonde.trace.TraceContext;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What one server tells: its connections as far as they are known, by the peer's address. */
final class ServerWatch {
  private final ListenerScope scope;
  private final boolean isTls;
  private final long unseenAfterNanos;
  private final Map<InetSocketAddress, ObservedConnection> connections = new ConcurrentHashMap<>();
  private final Filter filter = new ObservingFilter();
  private volatile @Nullable ScheduledExecutorService sweeper;

  /**
   * @param unseenAfter how long a connection is quiet before it counts as closed
   */
  ServerWatch(ListenerScope scope, boolean isTls, Duration unseenAfter) {
    this.scope = scope;
    this.isTls = isTls;
    unseenAfterNanos = unseenAfter.toNanos();
  }

  /** The context, whose requests are watched before any other filter sees them. */
  HttpContext observed(HttpContext context) {
    context.getFilters().add(0, filter);
    return context;
  }

  /** The server serves, whether a thread for the sweeper can be had or not. */
  void started() {
    try {
      scope.starting();
      ScheduledExecutorService started =
          Executors.newSingleThreadScheduledExecutor(
              task -> {
                Thread thread = new Thread(task, "sonde-jdkhttp-sweeper");
                thread.setDaemon(true);
                return thread;
              });
      sweeper = started;
      long period = Math.max(1, unseenAfterNanos / 8);
      ScheduledFuture<?> unused =
          started.scheduleWithFixedDelay(this::sweep, period, period, TimeUnit.NANOSECONDS);
    } catch (Throwable t) {
      scope.fault(t);
    }
  }

  void stopping() {
    scope.stopping();
  }

  /** The server has closed every connection. */
  void stopped() {
    try {
      ScheduledExecutorService started = sweeper;
      if (started != null) {
        started.shutdownNow();
      }
      connections.values().forEach(ObservedConnection::stopped);
      connections.clear();
    } catch (Throwable t) {
      scope.fault(t);
    }
  }

  private void sweep() {
    try {
      long now = System.nanoTime();
      connections.values().removeIf(connection -> connection.closeIfQuiet(now, unseenAfterNanos));
    } catch (Throwable t) {
      // Thrown on, it would be the last time.
      scope.fault(t);
    }
  }

  private @Nullable ObservedRequest begin(HttpExchange exchange) {
    try {
      InetSocketAddress remote = exchange.getRemoteAddress();
      while (true) {
        ObservedConnection connection = connections.get(remote);
        if (connection == null) {
          connection = connections.computeIfAbsent(remote, address -> opened(address, exchange));
        }
        ObservedRequest request = connection.begin(exchange);
        if (request != null) {
          return request;
        }
        connections.remove(remote, connection);
      }
    } catch (Throwable t) {
      scope.fault(t);
      return null;
    }
  }

  private ObservedConnection opened(InetSocketAddress remote, HttpExchange exchange) {
    return new ObservedConnection(
        scope.opened(
            -1, remote, exchange.getLocalAddress(), Protocol.H1, isTls, System.nanoTime()));
  }

  private final class ObservingFilter extends Filter {
    @Override
    public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
      boolean isSeen = SondeJdkHttp.requestOf(exchange) != null;
      ObservedRequest request = isSeen ? null : begin(exchange);
      if (request == null) {
        chain.doFilter(exchange);
        return;
      }
      try (TraceContext.Scope ignored = request.exchange().enter()) {
        chain.doFilter(seen(exchange, request));
      } catch (Throwable t) {
        request.thrown(t);
        throw t;
      } finally {
        request.handled();
      }
    }

    /** The exchange as the application is to see it. */
    private HttpExchange seen(HttpExchange exchange, ObservedRequest request) {
      try {
        return exchange instanceof HttpsExchange secure
            ? new ObservedHttpsExchange(secure, request)
            : new ObservedExchange(exchange, request);
      } catch (Throwable t) {
        scope.fault(t);
        return exchange;
      }
    }

    @Override
    public String description() {
      return "Sonde";
    }
  }
}
