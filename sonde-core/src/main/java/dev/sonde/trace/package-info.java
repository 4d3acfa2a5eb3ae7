// SPDX-License-Identifier: Apache-2.0
/**
 * Which request the running code works for: a {@code traceparent} header comes in, and the ids of
 * the current span go out to events and to outgoing calls.
 */
@NullMarked
package dev.sonde.trace;

import org.jspecify.annotations.NullMarked;
