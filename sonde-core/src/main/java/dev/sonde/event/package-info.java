// SPDX-License-Identifier: Apache-2.0
/** What happened: values come in from capture and the emitter, and go out to sinks unchanged. */
@NullMarked
package dev.sonde.event;

import org.jspecify.annotations.NullMarked;
