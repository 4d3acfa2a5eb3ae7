// SPDX-License-Identifier: Apache-2.0
/**
 * Netty 4.1 and 4.2: the pipelines of accepted channels come in, and what passes through them goes
 * out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.netty;

import org.jspecify.annotations.NullMarked;
