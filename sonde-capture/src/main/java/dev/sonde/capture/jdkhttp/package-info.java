// SPDX-License-Identifier: Apache-2.0
/**
 * The JDK's own {@code com.sun.net.httpserver}, by its public API: the exchanges of its contexts
 * come in, and what they do goes out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.jdkhttp;

import org.jspecify.annotations.NullMarked;
