// SPDX-License-Identifier: Apache-2.0
/**
 * The way from request threads to views and sinks: ended requests, connections, calls and
 * statements come in; statistics, recent requests and events for the sinks go out.
 */
@NullMarked
package dev.sonde.digest;

import org.jspecify.annotations.NullMarked;
