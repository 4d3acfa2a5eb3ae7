// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdkhttp;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executor;

/** A server with TLS whose contexts, start and stop are watched. */
final class ObservedHttpsServer extends HttpsServer {
  private final HttpsServer server;
  private final ServerWatch watch;

  ObservedHttpsServer(HttpsServer server, ServerWatch watch) {
    this.server = server;
    this.watch = watch;
  }

  @Override
  public void bind(InetSocketAddress address, int backlog) throws IOException {
    server.bind(address, backlog);
  }

  @Override
  public void start() {
    server.start();
    watch.started();
  }

  @Override
  public void setExecutor(Executor executor) {
    server.setExecutor(executor);
  }

  @Override
  public Executor getExecutor() {
    return server.getExecutor();
  }

  @Override
  public void stop(int delaySeconds) {
    watch.stopping();
    try {
      server.stop(delaySeconds);
    } finally {
      watch.stopped();
    }
  }

  @Override
  public HttpContext createContext(String path, HttpHandler handler) {
    return watch.observed(server.createContext(path, handler));
  }

  @Override
  public HttpContext createContext(String path) {
    return watch.observed(server.createContext(path));
  }

  @Override
  public void removeContext(String path) {
    server.removeContext(path);
  }

  @Override
  public void removeContext(HttpContext context) {
    server.removeContext(context);
  }

  @Override
  public InetSocketAddress getAddress() {
    return server.getAddress();
  }

  @Override
  public void setHttpsConfigurator(HttpsConfigurator configurator) {
    server.setHttpsConfigurator(configurator);
  }

  @Override
  public HttpsConfigurator getHttpsConfigurator() {
    return server.getHttpsConfigurator();
  }
}
