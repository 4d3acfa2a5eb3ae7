// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.LifecycleCollector;
import dev.sonde.event.Protocol;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The plainest server that the contract can be played against: HTTP/1 and TLS, a thread per
 * connection, observed from within.
 *
 * <p>It proves the scenarios without any server's peculiarities, and those that other servers have
 * to leave out.
 */
final class ReferenceServer implements RunningServer {
  private final ContractApplication application;
  private final ServerOptions options;
  private final int leaked;
  private final ObservedListeners listeners;
  private final @Nullable ListenerScope scope;
  private final ServerSocket plain;
  private final ServerSocket tls;
  private final Set<ReferenceConnection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicLong rejected = new AtomicLong();
  private volatile boolean isStopping;

  ReferenceServer(
      ContractApplication application,
      @Nullable LifecycleCollector collector,
      Set<Capability> capabilities,
      ServerOptions options,
      int leaked)
      throws IOException {
    this.application = application;
    this.options = options;
    this.leaked = leaked;
    listeners = new ObservedListeners(collector);
    scope = listeners.isEnabled() ? listeners.apply("reference", capabilities) : null;
    plain = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    tls = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
  }

  void start() {
    run("reference-accept", () -> accept(plain, false));
    run("reference-accept-tls", () -> accept(tls, true));
  }

  @Override
  public int port() {
    return plain.getLocalPort();
  }

  @Override
  public int tlsPort() {
    return tls.getLocalPort();
  }

  @Override
  public ObservedListeners listeners() {
    return listeners;
  }

  @Override
  public int openConnectionStates() {
    return scope == null ? 0 : scope.openConnections().size() + leaked;
  }

  @Override
  public long rejectedConnections() {
    return rejected.get();
  }

  @Override
  public void stopGracefully() throws IOException, InterruptedException {
    stopAccepting();
    connections.forEach(ReferenceConnection::closeIfIdle);
    for (ReferenceConnection connection : connections) {
      connection.awaitEnd(options.gracefulStop());
    }
    close();
  }

  @Override
  public void close() throws IOException, InterruptedException {
    stopAccepting();
    for (ReferenceConnection connection : connections) {
      connection.close();
      connection.awaitEnd(options.gracefulStop());
    }
  }

  ContractApplication application() {
    return application;
  }

  ServerOptions options() {
    return options;
  }

  boolean isStopping() {
    return isStopping;
  }

  void forget(ReferenceConnection connection) {
    connections.remove(connection);
  }

  private void stopAccepting() throws IOException {
    isStopping = true;
    if (scope != null) {
      scope.stopping();
    }
    plain.close();
    tls.close();
  }

  private void accept(ServerSocket acceptor, boolean isTls) {
    while (!acceptor.isClosed()) {
      try {
        accepted(acceptor.accept(), isTls);
      } catch (IOException e) {
        // Closed, which ends the loop, or a client that is gone already.
      }
    }
  }

  private void accepted(Socket socket, boolean isTls) throws IOException {
    int limit = options.maxConnections();
    if (limit > 0 && connections.size() >= limit) {
      socket.close();
      rejected.incrementAndGet();
      if (scope != null) {
        scope.rejected(CloseHint.MAX_CONNECTIONS, System.nanoTime());
      }
      return;
    }
    socket.setTcpNoDelay(true);
    ConnectionState state =
        scope == null
            ? null
            : scope.opened(
                -1,
                socket.getRemoteSocketAddress(),
                socket.getLocalSocketAddress(),
                isTls ? Protocol.UNKNOWN : Protocol.H1,
                isTls,
                System.nanoTime());
    ReferenceConnection connection = new ReferenceConnection(this, socket, isTls, state);
    connections.add(connection);
    run("reference-connection", connection);
  }

  private static void run(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }
}
