// SPDX-License-Identifier: Apache-2.0
/** Tests of the command line, the demo and the README. */
@NullMarked
package dev.sonde.cli;

import org.jspecify.annotations.NullMarked;
