// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http1.spi.Http1RoutedUpgrade;
import io.helidon.webserver.http1.spi.Http1UpgradeResponse;
import io.helidon.webserver.http1.spi.Http1UpgradeResult;
import io.helidon.webserver.http1.spi.Http1UpgradeRouting;

/** A routing that upgrades pass, too, such as those to a WebSocket. */
final class ObservedUpgradeRouting extends ObservedRouting implements Http1UpgradeRouting {
  private final Http1UpgradeRouting upgrades;

  /**
   * @param routing an {@link Http1UpgradeRouting}, too
   */
  ObservedUpgradeRouting(HttpRouting routing) {
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
