// SPDX-License-Identifier: Apache-2.0
/** Tests of capture. */
@NullMarked
package dev.sonde.capture;

import org.jspecify.annotations.NullMarked;
