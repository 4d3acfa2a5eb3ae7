// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.catalina.util.ServerInfo;
import org.apache.coyote.Processor;
import org.apache.coyote.UpgradeProtocol;
import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;

/**
 * Tomcat's NIO protocol whose sockets and requests can be seen; see {@link SondeTomcat#PROTOCOL}.
 *
 * <p>Until {@link SondeTomcat#observe} has named an observer it is Tomcat's own in every respect.
 */
public final class ObservedProtocol extends Http11NioProtocol {
  /** Kept: the type that {@code getEndpoint()} returns is another one in Tomcat 11. */
  private final ObservedEndpoint endpoint;

  private @Nullable BiFunction<String, Set<Capability>, ListenerScope> listeners;
  private volatile @Nullable ListenerScope scope;

  /** Made by Tomcat, by name. */
  public ObservedProtocol() {
    this(new ObservedEndpoint());
  }

  private ObservedProtocol(ObservedEndpoint endpoint) {
    super(endpoint);
    this.endpoint = endpoint;
    endpoint.setHandler(new ClosingHandler(getHandler()));
  }

  void tell(BiFunction<String, Set<Capability>, ListenerScope> observers) {
    if (listeners != null) {
      throw new IllegalStateException("the connector is observed already");
    }
    listeners = observers;
  }

  /** Whether anybody wants to know; asks for the listener if that was not done yet. */
  boolean isObserving() {
    ListenerScope known = scope;
    BiFunction<String, Set<Capability>, ListenerScope> observers = listeners;
    if (known == null && observers != null) {
      known = observers.apply(name(), capabilities());
      scope = known;
    }
    return known != null && known.isEnabled();
  }

  @Override
  public void start() throws Exception {
    if (isObserving()) {
      ListenerScope known = scope;
      if (known != null) {
        known.starting();
        endpoint.tell(known, compresses());
      }
    }
    super.start();
  }

  /** The first step of a stop where the port is closed before the connections are. */
  @Override
  public void closeServerSocketGraceful() {
    stopping();
    super.closeServerSocketGraceful();
  }

  @Override
  public void pause() throws Exception {
    stopping();
    super.pause();
  }

  @Override
  public void resume() throws Exception {
    ListenerScope known = scope;
    if (known != null) {
      known.starting();
    }
    super.resume();
  }

  @Override
  public void stop() throws Exception {
    stopping();
    super.stop();
  }

  @Override
  public @Nullable UpgradeProtocol getNegotiatedProtocol(String name) {
    return observed(super.getNegotiatedProtocol(name));
  }

  @Override
  public @Nullable UpgradeProtocol getUpgradeProtocol(String name) {
    return observed(super.getUpgradeProtocol(name));
  }

  @Override
  protected Processor createProcessor() {
    return isObserving()
        ? new ObservedProcessor(this, new Http1Requests(getAdapter()))
        : super.createProcessor();
  }

  private void stopping() {
    ListenerScope known = scope;
    if (known != null) {
      known.stopping();
    }
  }

  private @Nullable UpgradeProtocol observed(@Nullable UpgradeProtocol protocol) {
    return protocol == null || !isObserving() ? protocol : new ObservedUpgrade(protocol);
  }

  private static String name() {
    String info = ServerInfo.getServerInfo();
    return "Tomcat " + info.substring(info.indexOf('/') + 1);
  }

  private Set<Capability> capabilities() {
    EnumSet<Capability> capabilities = EnumSet.allOf(Capability.class);
    capabilities.remove(Capability.PASSIVE_DISCONNECT);
    if (isSSLEnabled()) {
      capabilities.remove(Capability.WIRE_BYTES);
    }
    return capabilities;
  }

  private boolean compresses() {
    return !getCompression().equals("off");
  }
}
