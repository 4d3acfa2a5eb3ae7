// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.webserver.Router;
import io.helidon.webserver.Routing;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.spi.Http1UpgradeRouting;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A router whose routing of HTTP is observed. */
final class ObservedRouter implements Router {
  private final Router router;
  private volatile @Nullable ObservedRouting observed;

  ObservedRouter(Router router) {
    this.router = router;
  }

  Router router() {
    return router;
  }

  @Override
  public <T extends Routing> T routing(Class<T> routingType, T defaultValue) {
    T routing = router.routing(routingType, defaultValue);
    return routingType == HttpRouting.class && routing instanceof HttpRouting http
        ? routingType.cast(observed(http))
        : routing;
  }

  @Override
  public void beforeStart() {
    router.beforeStart();
  }

  @Override
  public void afterStart(WebServer webServer) {
    router.afterStart(webServer);
  }

  @Override
  public void afterStop() {
    router.afterStop();
  }

  @Override
  public List<? extends Routing> routings() {
    return router.routings();
  }

  private ObservedRouting observed(HttpRouting plain) {
    ObservedRouting known = observed;
    if (known == null || known.routing() != plain) {
      known =
          plain instanceof Http1UpgradeRouting
              ? new ObservedRouting.OfUpgrades(plain)
              : new ObservedRouting(plain);
      observed = known;
    }
    return known;
  }
}
