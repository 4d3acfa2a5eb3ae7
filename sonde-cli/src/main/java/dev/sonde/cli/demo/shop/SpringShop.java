// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import dev.sonde.Sonde;
import dev.sonde.dashboard.Dashboard;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.sql.SQLException;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.util.ServerInfo;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.web.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.RequestMapping;

/**
 * The shop as a Spring Boot application, which Sonde's starter observes; the routes are Spring's.
 */
final class SpringShop implements ShopServer {
  /** Held, because a logger that nobody holds forgets its level. */
  private static final Logger TOMCAT = Logger.getLogger("org.apache");

  private static final Logger STARTER = Logger.getLogger("dev.sonde.spring");

  private final ConfigurableApplicationContext context;

  private SpringShop(ConfigurableApplicationContext context) {
    this.context = context;
  }

  static ShopServer start(Shop shop, Sonde sonde, Dashboard dashboard, int port) {
    // Else its start, and each checkout that fails, is told on the console.
    System.setProperty(LoggingSystem.SYSTEM_PROPERTY, LoggingSystem.NONE);
    TOMCAT.setLevel(Level.OFF);
    STARTER.setLevel(Level.WARNING);
    SpringApplication application = new SpringApplication(Application.class);
    application.setBannerMode(Banner.Mode.OFF);
    // The demo closes it, in an order of its own.
    application.setRegisterShutdownHook(false);
    application.addInitializers(
        starting -> {
          // What the starter finds it does not make.
          ConfigurableListableBeanFactory beans = starting.getBeanFactory();
          beans.registerSingleton("sonde", sonde);
          beans.registerSingleton("dashboard", dashboard);
          beans.registerSingleton("shop", shop);
        });
    return new SpringShop(
        application.run(
            // The directory that the demo is run in may hold an application's own.
            "--spring.config.location=optional:classpath:/dev/sonde/cli/demo/",
            "--server.address=" + InetAddress.getLoopbackAddress().getHostAddress(),
            "--server.port=" + port,
            "--server.http2.enabled=true",
            "--server.tomcat.threads.max=" + THREADS));
  }

  @Override
  public String name() {
    String tomcat = ServerInfo.getServerInfo().replace('/', ' ');
    return "Spring Boot " + SpringBootVersion.getVersion() + ", " + tomcat;
  }

  @Override
  public int port() {
    return ((ServletWebServerApplicationContext) context).getWebServer().getPort();
  }

  @Override
  public void close() {
    context.close();
  }

  /** Everything that Spring Boot configures by itself, and one controller. */
  @EnableAutoConfiguration
  @Controller
  static class Application {
    private final Shop shop;

    Application(Shop shop) {
      this.shop = shop;
    }

    @RequestMapping({
      "/",
      "/products",
      "/products/{id}",
      "/reviews/{product}",
      "/search",
      "/orders",
      "/checkout",
      "/recommendations",
      "/export",
      "/stock"
    })
    void answer(HttpServletRequest request, HttpServletResponse response)
        throws IOException, SQLException {
      shop.answer(
          new ServletExchange(request, response) {
            @Override
            public void route(String template) {
              // Spring has found it by the pattern above.
            }
          });
    }
  }
}
