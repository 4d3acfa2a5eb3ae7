// SPDX-License-Identifier: Apache-2.0
/** The server contract, played on Jetty with its adapter. */
@NullMarked
package dev.sonde.capture.jetty;

import org.jspecify.annotations.NullMarked;
