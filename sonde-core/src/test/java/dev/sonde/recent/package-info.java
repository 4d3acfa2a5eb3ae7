// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.sonde.recent;

import org.jspecify.annotations.NullMarked;
