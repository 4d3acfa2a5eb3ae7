// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import java.util.List;

/**
 * What has ended since an earlier look at the recent requests.
 *
 * @param endedCount requests that have ended so far, to be told at the next look
 * @param newest the last of those that ended since, newest first
 */
public record RecentNews(long endedCount, List<RecentRequest> newest) {}
