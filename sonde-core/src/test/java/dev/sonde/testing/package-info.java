// SPDX-License-Identifier: Apache-2.0
/** Fakes for tests: a clock and sinks go in where the real ones would, and tell what happened. */
@NullMarked
package dev.sonde.testing;

import org.jspecify.annotations.NullMarked;
