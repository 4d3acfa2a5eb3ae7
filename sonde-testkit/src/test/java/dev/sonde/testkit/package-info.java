// SPDX-License-Identifier: Apache-2.0
/**
 * Tests of the contract itself: honest and lying servers go in, the contract's verdict comes out.
 */
@NullMarked
package dev.sonde.testkit;

import org.jspecify.annotations.NullMarked;
