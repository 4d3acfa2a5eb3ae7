// SPDX-License-Identifier: Apache-2.0
/** Clients that behave and misbehave, for a shop on a real server, to try Sonde on. */
@NullMarked
package dev.sonde.cli.demo;

import org.jspecify.annotations.NullMarked;
