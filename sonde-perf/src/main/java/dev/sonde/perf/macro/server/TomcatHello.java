// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro.server;

import dev.sonde.Sonde;
import dev.sonde.capture.servlet.SondeFilter;
import dev.sonde.capture.tomcat.SondeTomcat;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.http.fileupload.FileUtils;
import org.jspecify.annotations.Nullable;

/** On Tomcat. */
final class TomcatHello implements HelloServer {
  /** Held, because a logger that nobody holds forgets its level. */
  private static final Logger TOMCAT = Logger.getLogger("org.apache");

  private final Tomcat tomcat = new Tomcat();
  private final Path directory = Files.createTempDirectory("sonde-perf");

  private TomcatHello(Hello hello, Connector connector, @Nullable Sonde filtering)
      throws IOException, LifecycleException {
    TOMCAT.setLevel(Level.WARNING);
    tomcat.setBaseDir(directory.toString());
    connector.setPort(0);
    connector.setThrowOnFailure(true);
    connector.setProperty("address", ADDRESS);
    // Else it closes each connection after its hundredth request.
    connector.setProperty("maxKeepAliveRequests", "-1");
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", directory.toString());
    Tomcat.addServlet(context, "hello", new Answering(hello));
    context.addServletMappingDecoded("/", "hello");
    if (filtering != null) {
      context.addServletContainerInitializer(
          (classes, servlets) -> SondeFilter.install(servlets, filtering), null);
    }
    tomcat.start();
  }

  static TomcatHello start(Hello hello, @Nullable Sonde sonde)
      throws IOException, LifecycleException {
    return new TomcatHello(
        hello, sonde == null ? new Connector() : SondeTomcat.connector(sonde), null);
  }

  /** Starts it with a connector that knows nothing of the observer. */
  static TomcatHello startFiltered(Hello hello, @Nullable Sonde sonde)
      throws IOException, LifecycleException {
    return new TomcatHello(hello, new Connector(), sonde);
  }

  @Override
  public int port() {
    return tomcat.getConnector().getLocalPort();
  }

  @Override
  public void close() throws LifecycleException, IOException {
    tomcat.stop();
    tomcat.destroy();
    FileUtils.deleteDirectory(directory.toFile());
  }

  private static final class Answering extends HttpServlet {
    private final transient Hello hello;

    Answering(Hello hello) {
      this.hello = hello;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      byte[] body = hello.answer();
      response.setContentType(Hello.TYPE);
      response.setContentLength(body.length);
      response.getOutputStream().write(body);
    }
  }
}
