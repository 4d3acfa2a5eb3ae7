// SPDX-License-Identifier: Apache-2.0
/**
 * SQL text as the application wrote it comes in; text without literals, fit for a view, goes out.
 */
@NullMarked
package dev.sonde.capture.sql;

import org.jspecify.annotations.NullMarked;
