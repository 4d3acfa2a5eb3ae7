// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.digest.HealthSnapshot;
import dev.sonde.recent.RecentNews;
import dev.sonde.recent.RecentRequest;
import dev.sonde.recent.RecentRequests;
import dev.sonde.stats.ErrorSnapshot;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.time.ClockAnchor;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where the snapshots come from; the views read nothing else of the core.
 *
 * @param stats statistics of the last part of the window
 * @param errors kinds of failure
 * @param recent requests that can be looked at one by one
 * @param news what has ended since an earlier look
 * @param request one of them by its number, or null
 * @param health how well the observer does
 * @param anchor both clocks at one recent moment
 */
public record Sources(
    Function<Duration, StatsSnapshot> stats,
    Supplier<ErrorSnapshot> errors,
    Supplier<RecentRequests> recent,
    News news,
    LongFunction<@Nullable RecentRequest> request,
    Supplier<HealthSnapshot> health,
    Supplier<ClockAnchor> anchor) {
  /** Looks at what has ended since an earlier look. */
  public interface News {
    /** See {@link dev.sonde.Sonde#recentNews}. */
    RecentNews since(long endedCount, int most);
  }
}
