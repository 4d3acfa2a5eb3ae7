// SPDX-License-Identifier: Apache-2.0
/**
 * Servers of Reactor Netty, 1.2 and 1.3: their channels come in, and go on to the adapter of Netty.
 */
@NullMarked
package dev.sonde.capture.reactor;

import org.jspecify.annotations.NullMarked;
