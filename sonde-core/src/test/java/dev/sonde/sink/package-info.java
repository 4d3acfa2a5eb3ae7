// SPDX-License-Identifier: Apache-2.0
/** Tests of the archive: events and faults go in, verified files come out. */
@NullMarked
package dev.sonde.sink;

import org.jspecify.annotations.NullMarked;
