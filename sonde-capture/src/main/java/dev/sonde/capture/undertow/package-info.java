// SPDX-License-Identifier: Apache-2.0
/**
 * Undertow 2.3: a started server's listeners and the exchanges of its handlers come in, and what
 * they do goes out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.undertow;

import org.jspecify.annotations.NullMarked;
