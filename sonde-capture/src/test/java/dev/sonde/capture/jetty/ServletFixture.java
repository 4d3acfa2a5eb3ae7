// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.servlet.RouteServlet;
import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.ObservedListeners;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Handler;
import org.jspecify.annotations.Nullable;

/** The contract's application as servlets of Jakarta EE 10, whose mappings are the routes. */
public class ServletFixture extends JettyFixture {
  /** A server that is watched in this way. */
  public ServletFixture(String server, Way way) {
    super(server, way);
  }

  @Override
  public final String template(ContractRoute route) {
    return RouteServlet.pattern(route);
  }

  /** Adds to the application what watches it, if that is done by itself. */
  protected void observe(ServletContextHandler context, ObservedListeners listeners) {}

  @Override
  final Handler handler(ContractApplication application, @Nullable ObservedListeners listeners) {
    ServletContextHandler context = new ServletContextHandler("/");
    for (ContractRoute route : ContractRoute.values()) {
      if (route != ContractRoute.WEBSOCKET) {
        ServletHolder holder =
            new ServletHolder(new RouteServlet(route, application, /* isBrokenEnded= */ false));
        holder.setAsyncSupported(true);
        context.addServlet(holder, template(route));
      }
    }
    if (listeners != null) {
      observe(context, listeners);
    }
    return context;
  }
}
