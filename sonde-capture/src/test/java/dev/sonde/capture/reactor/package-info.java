// SPDX-License-Identifier: Apache-2.0
/** Servers of Reactor Netty, watched. */
@NullMarked
package dev.sonde.capture.reactor;

import org.jspecify.annotations.NullMarked;
