// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.capture.jetty.SondeJetty;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.sql.SQLException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/** The shop on Jetty 12. */
final class JettyShop implements ShopServer {
  private final Server server;
  private final ServerConnector connector;

  private JettyShop(Server server, ServerConnector connector) {
    this.server = server;
    this.connector = connector;
  }

  static ShopServer start(Shop shop, Sonde sonde, int port) throws IOException {
    QueuedThreadPool threads = new QueuedThreadPool(THREADS);
    threads.setName("shop");
    Server server = new Server(threads);
    HttpConfiguration http = new HttpConfiguration();
    http.setSendServerVersion(false);
    ServerConnector connector =
        SondeJetty.connector(
            server,
            sonde,
            new HttpConnectionFactory(http),
            new HTTP2CServerConnectionFactory(http));
    connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
    connector.setPort(port);
    server.addConnector(connector);
    server.setHandler(
        new Handler.Abstract() {
          @Override
          public boolean handle(Request request, Response response, Callback callback)
              throws IOException {
            try {
              shop.answer(new JettyExchange(request, response));
              callback.succeeded();
            } catch (SQLException | RuntimeException e) {
              // Thrown on, it would cost the client its connection.
              request.setAttribute(ErrorHandler.ERROR_EXCEPTION, e);
              Response.writeError(request, response, callback, e);
            }
            return true;
          }
        });
    JettyShop started = new JettyShop(server, connector);
    try {
      server.start();
      return started;
    } catch (IOException e) {
      started.close();
      throw e;
    } catch (Exception e) {
      started.close();
      throw new IOException("Jetty did not start", e);
    }
  }

  @Override
  public String name() {
    return "Jetty " + Server.getVersion();
  }

  @Override
  public int port() {
    return connector.getLocalPort();
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      System.getLogger("dev.sonde.cli")
          .log(System.Logger.Level.WARNING, "the shop did not stop", e);
    }
  }

  private record JettyExchange(Request request, Response response) implements ShopExchange {
    @Override
    public String method() {
      return request.getMethod();
    }

    @Override
    public String path() {
      return Request.getPathInContext(request);
    }

    @Override
    public @Nullable String query() {
      return request.getHttpURI().getQuery();
    }

    @Override
    public InputStream body() {
      return Content.Source.asInputStream(request);
    }

    @Override
    public void route(String template) {
      request.setAttribute(SondeJetty.ROUTE_ATTRIBUTE, template);
    }

    @Override
    public OutputStream respond(int status, String contentType, long length) {
      response.setStatus(status);
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
      response.getHeaders().put(HttpHeader.CONTENT_LENGTH, length);
      return Content.Sink.asOutputStream(response);
    }
  }
}
