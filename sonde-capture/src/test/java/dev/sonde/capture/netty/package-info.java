// SPDX-License-Identifier: Apache-2.0
/** Netty as the contract's server, and what the contract does not ask. */
@NullMarked
package dev.sonde.capture.netty;

import org.jspecify.annotations.NullMarked;
