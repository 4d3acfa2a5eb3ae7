// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.capture.jdbc.SondeJdbc;
import dev.sonde.cli.Failure;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.net.BindException;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.h2.jdbcx.JdbcConnectionPool;

/** The shop with all that it needs: its database, its background threads, its server. */
public final class RunningShop implements AutoCloseable {
  private final ShopServer server;
  private final JdbcConnectionPool pool;
  private final ExecutorService background;

  private RunningShop(ShopServer server, JdbcConnectionPool pool, ExecutorService background) {
    this.server = server;
    this.pool = pool;
    this.background = background;
  }

  /**
   * Starts it on the loopback address.
   *
   * @throws Failure if the port is taken
   */
  public static RunningShop start(DemoServer kind, Sonde sonde, Dashboard dashboard, int port)
      throws Failure, IOException {
    JdbcConnectionPool pool =
        JdbcConnectionPool.create("jdbc:h2:mem:shop;DB_CLOSE_DELAY=-1", "shop", "");
    pool.setMaxConnections(ShopServer.THREADS);
    ExecutorService background = Executors.newFixedThreadPool(2, RunningShop::daemon);
    try {
      new ShopDatabase(pool).fill();
      Shop shop = new Shop(new ShopDatabase(SondeJdbc.observe(pool, sonde)), sonde, background);
      return new RunningShop(kind.start(shop, sonde, dashboard, port), pool, background);
    } catch (IOException | RuntimeException e) {
      closeAll(pool, background);
      if (isPortTaken(e)) {
        throw new Failure(
            Failure.FAILED,
            "port " + port + " of 127.0.0.1 is taken; choose another with --port, or 0 for any");
      }
      throw e;
    } catch (SQLException e) {
      closeAll(pool, background);
      throw new IllegalStateException("the shop did not start", e);
    }
  }

  /** Servers wrap what says so, some of them several times. */
  private static boolean isPortTaken(Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof BindException) {
        return true;
      }
    }
    return false;
  }

  /** The server that it runs on. */
  public ShopServer server() {
    return server;
  }

  @Override
  public void close() {
    server.close();
    closeAll(pool, background);
  }

  private static void closeAll(JdbcConnectionPool pool, ExecutorService background) {
    background.shutdownNow();
    pool.dispose();
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "shop-background");
    thread.setDaemon(true);
    return thread;
  }
}
