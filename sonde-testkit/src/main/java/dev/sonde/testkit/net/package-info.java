// SPDX-License-Identifier: Apache-2.0
/**
 * The other end of the wire: scripted bytes go to a server, parsed answers and faults come back.
 */
@NullMarked
package dev.sonde.testkit.net;

import org.jspecify.annotations.NullMarked;
