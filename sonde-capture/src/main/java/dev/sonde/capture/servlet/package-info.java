// SPDX-License-Identifier: Apache-2.0
/**
 * Any container of Jakarta Servlet 5 or later: requests come in through a filter, and what becomes
 * of them goes out to a {@link dev.sonde.capture.ListenerScope}.
 */
@NullMarked
package dev.sonde.capture.servlet;

import org.jspecify.annotations.NullMarked;
