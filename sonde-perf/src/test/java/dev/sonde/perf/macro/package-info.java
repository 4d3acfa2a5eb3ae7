// SPDX-License-Identifier: Apache-2.0
/** Tests of what reads and sums up the load of whole servers. */
@NullMarked
package dev.sonde.perf.macro;

import org.jspecify.annotations.NullMarked;
