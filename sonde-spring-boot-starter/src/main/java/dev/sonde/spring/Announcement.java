// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.reactor.SondeReactorNetty;
import dev.sonde.dashboard.Dashboard;
import dev.sonde.digest.Hook;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.context.event.ApplicationStartedEvent;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.core.env.Environment;

/** The one line that tells where the dashboard is, and what is watched or why nothing is. */
final class Announcement implements ApplicationListener<ApplicationStartedEvent> {
  private final ApplicationContext context;
  private final Sonde sonde;
  private final ObjectProvider<Dashboard> dashboard;

  Announcement(ApplicationContext context, Sonde sonde, ObjectProvider<Dashboard> dashboard) {
    this.context = context;
    this.sonde = sonde;
    this.dashboard = dashboard;
  }

  @Override
  public void onApplicationEvent(ApplicationStartedEvent event) {
    // Contexts below this one pass their events up.
    if (event.getApplicationContext() == context) {
      System.getLogger("dev.sonde.spring").log(Level.INFO, this::line);
    }
  }

  String line() {
    if (!sonde.isEnabled()) {
      return "[sonde] off: sonde.enabled=false";
    }
    Dashboard shown = dashboard.getIfAvailable();
    return "[sonde] "
        + watched(sonde.health().hooks(), context.getEnvironment())
        + (shown == null ? "" : " | dashboard " + shown.url())
        + " | off: sonde.enabled=false";
  }

  private static String watched(List<Hook> hooks, Environment environment) {
    String names = hooks.stream().map(Hook::name).collect(Collectors.joining(", "));
    if (hooks.stream().noneMatch(Announcement::isServer)) {
      return "no web server is watched: this is not Jetty, Tomcat or Reactor Netty embedded by Boot"
          + (names.isEmpty() ? "" : "; " + names);
    }
    @Nullable String port = environment.getProperty("local.server.port");
    return names + (port == null ? "" : " on port " + port);
  }

  /** Only listeners tell what they can see; those of Reactor Netty are made by its first client. */
  private static boolean isServer(Hook hook) {
    return !hook.capabilities().isEmpty() || hook.name().equals(SondeReactorNetty.NAME);
  }
}
