// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.RecentRequests;
import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Where the snapshots come from; the views read nothing else of the core.
 *
 * @param stats statistics of the last part of the window
 * @param errors kinds of failure
 * @param recent requests that can be looked at one by one
 * @param health how well the observer does
 */
public record Sources(
    Function<Duration, StatsSnapshot> stats,
    Supplier<ErrorSnapshot> errors,
    Supplier<RecentRequests> recent,
    Supplier<HealthSnapshot> health) {}
