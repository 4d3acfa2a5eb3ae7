// SPDX-License-Identifier: Apache-2.0
/** The dashboard: snapshots of the views come in, JSON, a live stream and a web page go out. */
@NullMarked
package dev.sonde.dashboard;

import org.jspecify.annotations.NullMarked;
