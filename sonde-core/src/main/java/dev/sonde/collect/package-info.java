// SPDX-License-Identifier: Apache-2.0
/** The hand-over: events come in on request threads and go out in batches on background threads. */
@NullMarked
package dev.sonde.collect;

import org.jspecify.annotations.NullMarked;
