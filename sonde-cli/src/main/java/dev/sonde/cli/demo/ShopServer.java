// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.Sonde;
import dev.sonde.capture.jdbc.SondeJdbc;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.cli.Failure;
import jakarta.servlet.http.HttpServlet;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.h2.jdbcx.JdbcConnectionPool;

/** The shop on Jetty 12, observed by Sonde. */
final class ShopServer implements AutoCloseable {
  private static final int THREADS = 64;

  private final Server server;
  private final ServerConnector connector;
  private final JdbcConnectionPool pool;
  private final ExecutorService background;

  private ShopServer(
      Server server,
      ServerConnector connector,
      JdbcConnectionPool pool,
      ExecutorService background) {
    this.server = server;
    this.connector = connector;
    this.pool = pool;
    this.background = background;
  }

  /**
   * Starts it on the loopback address.
   *
   * @throws Failure if the port is taken
   */
  static ShopServer start(Sonde sonde, int port) throws Failure, IOException {
    JdbcConnectionPool pool =
        JdbcConnectionPool.create("jdbc:h2:mem:shop;DB_CLOSE_DELAY=-1", "shop", "");
    pool.setMaxConnections(THREADS);
    ExecutorService background = Executors.newFixedThreadPool(2, ShopServer::daemon);
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
    ShopServer shop = new ShopServer(server, connector, pool, background);
    try {
      ShopDatabase database = new ShopDatabase(SondeJdbc.observe(pool, sonde));
      new ShopDatabase(pool).fill();
      ServletContextHandler context = new ServletContextHandler();
      Map<String, HttpServlet> servlets = new Shop(database, sonde, background).servlets();
      servlets.forEach(
          (pattern, servlet) -> context.addServlet(new ServletHolder(servlet), pattern));
      server.setHandler(context);
      server.start();
      return shop;
    } catch (IOException e) {
      shop.close();
      if (e.getCause() instanceof BindException || e instanceof BindException) {
        throw new Failure(
            Failure.FAILED,
            "port " + port + " of 127.0.0.1 is taken; choose another with --port, or 0 for any");
      }
      throw e;
    } catch (SQLException | RuntimeException e) {
      shop.close();
      throw new IllegalStateException("the shop did not start", e);
    } catch (Exception e) {
      shop.close();
      throw new IOException("the shop did not start", e);
    }
  }

  String name() {
    return "Jetty " + Server.getVersion();
  }

  int port() {
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
    background.shutdownNow();
    pool.dispose();
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "shop-background");
    thread.setDaemon(true);
    return thread;
  }
}
