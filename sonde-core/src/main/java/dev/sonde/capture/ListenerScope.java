// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.Protocol;
import java.net.SocketAddress;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * One listening socket of a server, as an adapter reports it.
 *
 * <p>All methods may be called from any thread and never throw.
 */
public final class ListenerScope {
  private final String server;
  private final Set<Capability> capabilities;
  private final CaptureOutlet outlet;
  private final boolean tellsEveryStart;
  private final boolean seesBlockedWrites;
  private final boolean seesWebSockets;
  private final Set<ConnectionState> open = ConcurrentHashMap.newKeySet();
  private final LongAdder lateCalls = new LongAdder();
  private final LongAdder faults = new LongAdder();
  private final AtomicReference<@Nullable Throwable> firstFault = new AtomicReference<>();
  private volatile boolean stopping;

  /**
   * A listener whose events go to {@code outlet}.
   *
   * @param server name and version for people, such as {@code Jetty 12.0.39}
   * @param capabilities what the adapter can see of this server
   */
  public ListenerScope(String server, Set<Capability> capabilities, CaptureOutlet outlet) {
    this.server = server;
    EnumSet<Capability> copy = EnumSet.noneOf(Capability.class);
    copy.addAll(capabilities);
    this.capabilities = Collections.unmodifiableSet(copy);
    this.outlet = outlet;
    tellsEveryStart = outlet.tellsEveryStart();
    seesBlockedWrites = copy.contains(Capability.BLOCKED_WRITES);
    seesWebSockets = copy.contains(Capability.WEBSOCKET);
  }

  /**
   * A connection was accepted.
   *
   * @param workerId index of the event loop or worker that owns it, or -1 if unknown
   * @param remote the peer's address, or null if the socket is already gone
   * @param local the accepting address, or null if the socket is already gone
   * @param protocol {@link Protocol#UNKNOWN} until negotiated
   * @param nanos monotonic time in nanoseconds
   */
  public ConnectionState opened(
      int workerId,
      @Nullable SocketAddress remote,
      @Nullable SocketAddress local,
      Protocol protocol,
      boolean tls,
      long nanos) {
    ConnectionState connection =
        new ConnectionState(this, workerId, remote, local, protocol, tls, nanos);
    open.add(connection);
    try {
      outlet.connectionOpened(connection);
    } catch (Throwable t) {
      fault(t);
    }
    return connection;
  }

  /** A limit turned a connection away before it was accepted. */
  public void rejected(CloseHint limit, long nanos) {
    try {
      outlet.connectionRejected(this, limit, nanos);
    } catch (Throwable t) {
      fault(t);
    }
  }

  /** The server is being stopped: closes without another cause are its doing from now on. */
  public void stopping() {
    stopping = true;
  }

  /** The server was started again after a stop. */
  public void starting() {
    stopping = false;
  }

  /** Whether the server is being stopped. */
  public boolean isStopping() {
    return stopping;
  }

  /** Whether anybody wants to know; an adapter need not observe a connection otherwise. */
  public boolean isEnabled() {
    return outlet.isEnabled();
  }

  /** Name and version of the server, for people. */
  public String server() {
    return server;
  }

  /** What the adapter can see of this server. */
  public Set<Capability> capabilities() {
    return capabilities;
  }

  /** The connections that are open now; weakly consistent, not to be modified. */
  public Collection<ConnectionState> openConnections() {
    return Collections.unmodifiableCollection(open);
  }

  /**
   * Hands on the closes that were left over, see {@link CaptureOutlet#tellsEveryStart()}. Any
   * thread.
   */
  public void sweep() {
    open.forEach(ConnectionState::sweep);
  }

  /** Calls that came after the end of their connection or request and were ignored. */
  public long lateCalls() {
    return lateCalls.sum();
  }

  /**
   * Exceptions thrown by an outlet or reported by the adapter, none of which reached the server.
   */
  public long faults() {
    return faults.sum();
  }

  /** The first of the {@link #faults()}, or null. */
  public @Nullable Throwable firstFault() {
    return firstFault.get();
  }

  /** Counts an exception of observation itself; adapters call it instead of throwing. */
  public void fault(Throwable fault) {
    faults.increment();
    firstFault.compareAndSet(null, fault);
  }

  boolean tellsEveryStart() {
    return tellsEveryStart;
  }

  boolean seesBlockedWrites() {
    return seesBlockedWrites;
  }

  boolean seesWebSockets() {
    return seesWebSockets;
  }

  CaptureOutlet outlet() {
    return outlet;
  }

  void late() {
    lateCalls.increment();
  }

  void forget(ConnectionState connection) {
    open.remove(connection);
  }
}
