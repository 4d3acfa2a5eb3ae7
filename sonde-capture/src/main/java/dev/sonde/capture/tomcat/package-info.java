// SPDX-License-Identifier: Apache-2.0
/**
 * Tomcat 10.1 and 11: a connector's protocol and its engine's valve come in, and what they do goes
 * out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.tomcat;

import org.jspecify.annotations.NullMarked;
