// SPDX-License-Identifier: Apache-2.0
/** The server contract, played on Tomcat with its adapter. */
@NullMarked
package dev.sonde.capture.tomcat;

import org.jspecify.annotations.NullMarked;
