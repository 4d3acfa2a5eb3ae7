// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import dev.sonde.event.RequestEvent.StreamKind;
import org.jspecify.annotations.Nullable;

/**
 * The request by which a connection became a stream, for the whole of its life.
 *
 * @param kind what it became
 * @param method as sent
 * @param target as received, perhaps with a query string, which is never to be shown
 * @param httpVersion such as {@code HTTP/1.1}
 * @param route the template that matched, or null
 * @param isExcluded whether the request was left out, and so is the stream
 * @param startNanos when its head was parsed
 * @param upgradedNanos when it was answered, and the stream began
 */
public record Upgrade(
    StreamKind kind,
    String method,
    String target,
    String httpVersion,
    @Nullable String route,
    boolean isExcluded,
    long startNanos,
    long upgradedNanos) {}
