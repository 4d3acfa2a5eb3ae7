// SPDX-License-Identifier: Apache-2.0
/** The server contract, played on containers that only a filter watches. */
@NullMarked
package dev.sonde.capture.servlet;

import org.jspecify.annotations.NullMarked;
