// SPDX-License-Identifier: Apache-2.0
/** What the dashboard shows: snapshots of the core come in, JSON documents go out. */
@NullMarked
package dev.sonde.dashboard.view;

import org.jspecify.annotations.NullMarked;
