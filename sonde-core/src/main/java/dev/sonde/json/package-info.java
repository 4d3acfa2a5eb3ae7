// SPDX-License-Identifier: Apache-2.0
/** The one written form of events: an event comes in, and a line of JSON goes out. */
@NullMarked
package dev.sonde.json;

import org.jspecify.annotations.NullMarked;
