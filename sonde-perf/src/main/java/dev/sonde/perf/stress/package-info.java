// SPDX-License-Identifier: Apache-2.0
/** Concurrency tests: small races go in, every outcome that was seen comes out. */
@NullMarked
package dev.sonde.perf.stress;

import org.jspecify.annotations.NullMarked;
