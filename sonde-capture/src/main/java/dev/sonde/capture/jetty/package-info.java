// SPDX-License-Identifier: Apache-2.0
/**
 * Jetty 12.0 and 12.1: a server's connectors, handlers and request log come in, and what they do
 * goes out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.jetty;

import org.jspecify.annotations.NullMarked;
