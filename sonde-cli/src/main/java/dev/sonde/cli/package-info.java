// SPDX-License-Identifier: Apache-2.0
/** The {@code sonde} command: arguments come in, data goes to stdout and talk to stderr. */
@NullMarked
package dev.sonde.cli;

import org.jspecify.annotations.NullMarked;
