// SPDX-License-Identifier: Apache-2.0
/** The same hello-world on each server that Sonde watches. */
@NullMarked
package dev.sonde.perf.macro.server;

import org.jspecify.annotations.NullMarked;
