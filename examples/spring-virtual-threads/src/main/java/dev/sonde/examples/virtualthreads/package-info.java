// SPDX-License-Identifier: Apache-2.0
/** MVC on Jetty with virtual threads. */
@NullMarked
package dev.sonde.examples.virtualthreads;

import org.jspecify.annotations.NullMarked;
