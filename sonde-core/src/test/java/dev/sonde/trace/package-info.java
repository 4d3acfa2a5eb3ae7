// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.sonde.trace;

import org.jspecify.annotations.NullMarked;
