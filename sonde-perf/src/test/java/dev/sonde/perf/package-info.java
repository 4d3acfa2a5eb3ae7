// SPDX-License-Identifier: Apache-2.0
/** Model checking of the ring, and the mutants that it must find. */
@NullMarked
package dev.sonde.perf;

import org.jspecify.annotations.NullMarked;
