// SPDX-License-Identifier: Apache-2.0
/** The two clocks: monotonic readings come in, dates go out. */
@NullMarked
package dev.sonde.time;

import org.jspecify.annotations.NullMarked;
