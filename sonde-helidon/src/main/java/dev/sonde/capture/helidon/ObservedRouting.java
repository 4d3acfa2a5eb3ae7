// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.trace.TraceContext;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.HttpSecurity;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http1.spi.Http1RoutedUpgrade;
import io.helidon.webserver.http1.spi.Http1UpgradeResponse;
import io.helidon.webserver.http1.spi.Http1UpgradeResult;
import io.helidon.webserver.http1.spi.Http1UpgradeRouting;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The routing of HTTP, around all of its filters and error handlers. */
class ObservedRouting implements HttpRouting {
  private final HttpRouting routing;

  ObservedRouting(HttpRouting routing) {
    this.routing = routing;
  }

  HttpRouting routing() {
    return routing;
  }

  @Override
  public void route(ConnectionContext ctx, RoutingRequest request, RoutingResponse response) {
    Boolean unused =
        observe(
            ctx,
            request,
            response,
            context -> {
              routing.route(context, request, response);
              return true;
            });
  }

  @Override
  public HttpSecurity security() {
    return routing.security();
  }

  @Override
  public void beforeStart() {
    routing.beforeStart();
  }

  @Override
  public void afterStart(WebServer webServer) {
    routing.afterStart(webServer);
  }

  @Override
  public void afterStop() {
    routing.afterStop();
  }

  /** Does {@code work} with the context that it is to be done with. */
  static <T> T observe(
      ConnectionContext ctx,
      RoutingRequest request,
      RoutingResponse response,
      Function<ConnectionContext, T> work) {
    ObservedRequest observed = begin(ctx, request, response);
    if (observed == null) {
      return work.apply(ctx);
    }
    T result;
    try (TraceContext.Scope ignored = observed.exchange().enter()) {
      result = work.apply(observed);
    } catch (Throwable t) {
      observed.thrown(t);
      throw t;
    }
    observed.routed();
    return result;
  }

  private static @Nullable ObservedRequest begin(
      ConnectionContext ctx, RoutingRequest request, RoutingResponse response) {
    if (!(ctx instanceof ObservedContext observed)) {
      return null;
    }
    return observed.connection().route(observed, request, response);
  }

  /** A routing that upgrades pass, too, such as those to a WebSocket. */
  static final class OfUpgrades extends ObservedRouting implements Http1UpgradeRouting {
    private final Http1UpgradeRouting upgrades;

    /**
     * @param routing an {@link Http1UpgradeRouting}, too
     */
    OfUpgrades(HttpRouting routing) {
      super(routing);
      upgrades = (Http1UpgradeRouting) routing;
    }

    @Override
    public Http1UpgradeResult routeUpgrade(
        ConnectionContext ctx,
        RoutingRequest request,
        RoutingResponse response,
        Http1UpgradeResponse upgradeResponse,
        Http1RoutedUpgrade upgrade) {
      return observe(
          ctx,
          request,
          response,
          context -> upgrades.routeUpgrade(context, request, response, upgradeResponse, upgrade));
    }
  }
}
