// SPDX-License-Identifier: Apache-2.0
/** Which events are passed on: an event's facts come in, a weight goes out. */
@NullMarked
package dev.sonde.sampling;

import org.jspecify.annotations.NullMarked;
