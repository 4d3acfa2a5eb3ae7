// SPDX-License-Identifier: Apache-2.0
/** Benchmarks of what the digest keeps to its package. */
@NullMarked
package dev.sonde.digest;

import org.jspecify.annotations.NullMarked;
