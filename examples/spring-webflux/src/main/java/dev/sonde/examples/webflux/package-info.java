// SPDX-License-Identifier: Apache-2.0
/** WebFlux on Reactor Netty. */
@NullMarked
package dev.sonde.examples.webflux;

import org.jspecify.annotations.NullMarked;
