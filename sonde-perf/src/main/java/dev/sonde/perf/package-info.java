// SPDX-License-Identifier: Apache-2.0
/** Benchmarks: Sonde's hot paths and their peers go in, nanoseconds and bytes come out. */
@NullMarked
package dev.sonde.perf;

import org.jspecify.annotations.NullMarked;
