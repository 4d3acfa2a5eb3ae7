// SPDX-License-Identifier: Apache-2.0
/** Calls of a JDBC data source come in and go on to the driver; database events go out. */
@NullMarked
package dev.sonde.capture.jdbc;

import org.jspecify.annotations.NullMarked;
