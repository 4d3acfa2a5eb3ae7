// SPDX-License-Identifier: Apache-2.0
/** Vert.x as the contract's server, and what the contract does not ask. */
@NullMarked
package dev.sonde.capture.vertx;

import org.jspecify.annotations.NullMarked;
