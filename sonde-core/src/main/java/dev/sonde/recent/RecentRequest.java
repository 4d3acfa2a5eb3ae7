// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.RequestEvent;
import java.util.List;

/**
 * A request that ended a short while ago, with what was done for it.
 *
 * @param request the request
 * @param workerId index of the event loop or worker that began it, or -1 if unknown
 * @param streamId HTTP/2 stream, 0 on HTTP/1
 * @param httpVersion such as {@code HTTP/1.1}, or empty if unknown
 * @param functions profiled calls within it, in the order in which they ended
 * @param statements database statements within it, in the order in which they ended
 * @param omittedCount calls and statements beyond the number that is kept per request
 */
public record RecentRequest(
    RequestEvent request,
    int workerId,
    long streamId,
    String httpVersion,
    List<FunctionEvent> functions,
    List<DatabaseEvent> statements,
    int omittedCount) {}
