// SPDX-License-Identifier: Apache-2.0
/** The numbers of a rolling window: ended work comes in uncounted, immutable snapshots go out. */
@NullMarked
package dev.sonde.stats;

import org.jspecify.annotations.NullMarked;
