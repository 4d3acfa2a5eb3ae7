// SPDX-License-Identifier: Apache-2.0
/**
 * Vert.x 4.5 and 5.1: its metrics SPI comes in, and what only Vert.x knows of a request goes out to
 * {@link dev.sonde.capture.netty}, which watches its connections.
 */
@NullMarked
package dev.sonde.capture.vertx;

import org.jspecify.annotations.NullMarked;
