// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.coyote.Adapter;
import org.apache.coyote.Processor;
import org.apache.coyote.Request;
import org.apache.coyote.UpgradeProtocol;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.coyote.http11.upgrade.InternalHttpUpgradeHandler;
import org.apache.tomcat.util.net.SocketWrapperBase;

/** HTTP/2 as configured, which tells its streams. */
final class ObservedUpgrade implements UpgradeProtocol {
  private final UpgradeProtocol configured;

  ObservedUpgrade(UpgradeProtocol configured) {
    this.configured = configured;
  }

  @Override
  public String getHttpUpgradeName(boolean isSSLEnabled) {
    return configured.getHttpUpgradeName(isSSLEnabled);
  }

  @Override
  public byte[] getAlpnIdentifier() {
    return configured.getAlpnIdentifier();
  }

  @Override
  public String getAlpnName() {
    return configured.getAlpnName();
  }

  @Override
  public Processor getProcessor(SocketWrapperBase<?> socket, Adapter adapter) {
    return configured.getProcessor(socket, observed(socket, adapter));
  }

  @Override
  public InternalHttpUpgradeHandler getInternalUpgradeHandler(
      SocketWrapperBase<?> socket, Adapter adapter, Request request) {
    return configured.getInternalUpgradeHandler(socket, observed(socket, adapter), request);
  }

  @Override
  public boolean accept(Request request) {
    return configured.accept(request);
  }

  @Override
  public void setHttp11Protocol(AbstractHttp11Protocol<?> protocol) {
    configured.setHttp11Protocol(protocol);
  }

  private static Adapter observed(SocketWrapperBase<?> socket, Adapter adapter) {
    ObservedConnection connection = ObservedSocket.connectionOf(socket);
    if (connection == null) {
      return adapter;
    }
    try {
      connection.http2();
      Adapter container = adapter instanceof RequestsAdapter own ? own.container : adapter;
      return new Http2Requests(container, connection);
    } catch (Throwable t) {
      connection.fault(t);
      return adapter;
    }
  }
}
