// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import jakarta.servlet.ServletConnection;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What a container's requests tell of its connections. */
final class ContainerWatch {
  private final ListenerScope scope;
  private final boolean namesConnections;

  /** By the container's name of the connection, or else by the peer's address. */
  private final Map<Object, ObservedConnection> connections = new ConcurrentHashMap<>();

  private final @Nullable ScheduledExecutorService sweeper;

  /**
   * @param namesConnections whether the container implements Jakarta Servlet 6
   * @param unseenAfter how long a connection is quiet before it counts as closed
   */
  ContainerWatch(ListenerScope scope, boolean namesConnections, Duration unseenAfter) {
    this.scope = scope;
    this.namesConnections = namesConnections;
    sweeper = scope.isEnabled() ? started(unseenAfter.dividedBy(ObservedConnection.SWEEPS)) : null;
  }

  /** A request comes in; null if nobody wants to know. */
  @Nullable ObservedRequest begin(HttpServletRequest request, HttpServletResponse response) {
    if (!scope.isEnabled()) {
      return null;
    }
    try {
      Object name = nameOf(request);
      while (true) {
        ObservedConnection known = connections.get(name);
        ObservedConnection connection =
            known == null ? connections.computeIfAbsent(name, key -> opened(request)) : known;
        Exchange begun = connection.begin(request, streamOf(request, connection));
        if (begun != null) {
          return new ObservedRequest(request, response, connection, begun);
        }
        connections.remove(name, connection);
      }
    } catch (Throwable t) {
      scope.fault(t);
      return null;
    }
  }

  /** The application is being taken out of service. */
  void stopped() {
    scope.stopping();
    ScheduledExecutorService started = sweeper;
    if (started != null) {
      started.shutdownNow();
    }
    connections.values().forEach(ObservedConnection::stopped);
    connections.clear();
  }

  private ScheduledExecutorService started(Duration period) {
    ScheduledExecutorService started =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "sonde-servlet-sweeper");
              thread.setDaemon(true);
              return thread;
            });
    ScheduledFuture<?> unused =
        started.scheduleWithFixedDelay(
            () -> connections.values().removeIf(ObservedConnection::closeIfQuiet),
            period.toNanos(),
            period.toNanos(),
            TimeUnit.NANOSECONDS);
    return started;
  }

  private Object nameOf(HttpServletRequest request) {
    String name = namesConnections ? Servlet6.connectionId(request) : "";
    InetSocketAddress remote = name.isEmpty() ? remoteOf(request) : null;
    return remote == null ? name : remote;
  }

  private ObservedConnection opened(HttpServletRequest request) {
    String address = request.getLocalAddr();
    return new ObservedConnection(
        scope.opened(
            -1,
            remoteOf(request),
            address == null ? null : addressOf(address, request.getLocalPort()),
            isHttp2(request) ? Protocol.H2 : Protocol.H1,
            namesConnections ? Servlet6.isSecure(request) : request.isSecure(),
            System.nanoTime()));
  }

  /** Number of the HTTP/2 stream, as far as it is known; 0 on HTTP/1. */
  private long streamOf(HttpServletRequest request, ObservedConnection connection) {
    if (!isHttp2(request)) {
      return 0;
    }
    String number = namesConnections ? request.getProtocolRequestId() : "";
    return number.isEmpty() ? connection.nextStream() : Long.parseLong(number);
  }

  private static boolean isHttp2(HttpServletRequest request) {
    return request.getProtocol().startsWith("HTTP/2");
  }

  private static @Nullable InetSocketAddress remoteOf(HttpServletRequest request) {
    String address = request.getRemoteAddr();
    return address == null ? null : addressOf(address, request.getRemotePort());
  }

  /** Unresolved: behind a proxy it may be any text, which must not be looked up. */
  private static InetSocketAddress addressOf(String address, int port) {
    return InetSocketAddress.createUnresolved(address, Math.max(0, port));
  }

  /** Apart, so that nothing of it is linked in an older container. */
  private static final class Servlet6 {
    private Servlet6() {}

    static String connectionId(HttpServletRequest request) {
      ServletConnection connection = request.getServletConnection();
      String id = connection == null ? null : connection.getConnectionId();
      return id == null ? "" : id;
    }

    static boolean isSecure(HttpServletRequest request) {
      return request.getServletConnection().isSecure();
    }
  }
}
