// SPDX-License-Identifier: Apache-2.0
/** A shop on a real server, and clients that behave and misbehave, to try Sonde on. */
@NullMarked
package dev.sonde.cli.demo;

import org.jspecify.annotations.NullMarked;
