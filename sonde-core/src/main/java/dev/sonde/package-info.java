// SPDX-License-Identifier: Apache-2.0
/** The wiring: settings come in, and a running {@code Sonde} goes out. */
@NullMarked
package dev.sonde;

import org.jspecify.annotations.NullMarked;
