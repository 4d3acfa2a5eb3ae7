// SPDX-License-Identifier: Apache-2.0
/** The server contract, played on the HTTP server of the JDK with its adapter. */
@NullMarked
package dev.sonde.capture.jdkhttp;

import org.jspecify.annotations.NullMarked;
