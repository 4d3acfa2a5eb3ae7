// SPDX-License-Identifier: Apache-2.0
/** The archive: batches of events come in, and JSON lines and console lines go out. */
@NullMarked
package dev.sonde.sink;

import org.jspecify.annotations.NullMarked;
