// SPDX-License-Identifier: Apache-2.0
@NullMarked
package dev.sonde.digest;

import org.jspecify.annotations.NullMarked;
