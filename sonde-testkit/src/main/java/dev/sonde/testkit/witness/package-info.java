// SPDX-License-Identifier: Apache-2.0
/**
 * A second opinion from the wire: packets of the loopback interface go in, what they say about each
 * connection comes out.
 */
@NullMarked
package dev.sonde.testkit.witness;

import org.jspecify.annotations.NullMarked;
