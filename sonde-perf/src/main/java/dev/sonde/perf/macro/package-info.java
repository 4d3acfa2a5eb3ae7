// SPDX-License-Identifier: Apache-2.0
/** Whole servers under load: what an observer adds to the processor time of a request. */
@NullMarked
package dev.sonde.perf.macro;

import org.jspecify.annotations.NullMarked;
