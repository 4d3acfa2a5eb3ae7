// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import dev.sonde.Sonde;
import dev.sonde.capture.tomcat.SondeTomcat;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Comparator;
import java.util.List;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.util.ServerInfo;
import org.apache.coyote.http2.Http2Protocol;

/** The shop on Tomcat. */
final class TomcatShop implements ShopServer {
  /** Held, because a logger that nobody holds forgets its level. */
  private static final Logger TOMCAT = Logger.getLogger("org.apache");

  private final Tomcat tomcat;
  private final Path directory;

  private TomcatShop(Tomcat tomcat, Path directory) {
    this.tomcat = tomcat;
    this.directory = directory;
  }

  static ShopServer start(Shop shop, Sonde sonde, int port) throws IOException {
    // Else its start, and each checkout that fails, is told on the console. The level does not
    // reach
    // the contexts: Tomcat gives their loggers one of their own.
    TOMCAT.setUseParentHandlers(false);
    Path directory = Files.createTempDirectory("sonde-demo");
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(directory.toString());
    Connector connector = SondeTomcat.connector(sonde);
    connector.setPort(port);
    connector.setThrowOnFailure(true);
    connector.setProperty("address", InetAddress.getLoopbackAddress().getHostAddress());
    connector.setProperty("maxThreads", Integer.toString(THREADS));
    connector.addUpgradeProtocol(new Http2Protocol());
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", directory.toString());
    Tomcat.addServlet(context, "shop", new ShopServlet(shop));
    context.addServletMapping("/", "shop");
    TomcatShop started = new TomcatShop(tomcat, directory);
    try {
      tomcat.start();
      return started;
    } catch (LifecycleException e) {
      started.close();
      throw new IOException("Tomcat did not start", e);
    }
  }

  @Override
  public String name() {
    return ServerInfo.getServerInfo().replace('/', ' ');
  }

  @Override
  public int port() {
    return tomcat.getConnector().getLocalPort();
  }

  @Override
  public void close() {
    try {
      tomcat.stop();
      tomcat.destroy();
      delete(directory);
    } catch (LifecycleException | IOException e) {
      System.getLogger("dev.sonde.cli")
          .log(System.Logger.Level.WARNING, "the shop did not stop", e);
    }
  }

  private static void delete(Path directory) throws IOException {
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(directory)) {
      deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path file : deepestFirst) {
      Files.delete(file);
    }
  }

  private static final class ShopServlet extends HttpServlet {
    private final transient Shop shop;

    ShopServlet(Shop shop) {
      this.shop = shop;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      try {
        shop.answer(
            new ServletExchange(request, response) {
              @Override
              public void route(String template) {
                request.setAttribute(SondeTomcat.ROUTE_ATTRIBUTE, template);
              }
            });
      } catch (SQLException e) {
        throw new ServletException(e);
      }
    }
  }
}
