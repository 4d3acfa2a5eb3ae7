// SPDX-License-Identifier: Apache-2.0
/** The server contract, played on Undertow with its adapter. */
@NullMarked
package dev.sonde.capture.undertow;

import org.jspecify.annotations.NullMarked;
