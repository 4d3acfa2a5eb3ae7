// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.sonde.capture.helidon;

import org.jspecify.annotations.NullMarked;
